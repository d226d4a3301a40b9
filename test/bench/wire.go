package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"

	"github.com/throughline/throughline/test/stage"
)

//go:embed servers/proxy.conf
var proxyConfig string

const (
	wireName = "wire"

	smallBody = 100
	largeBody = 1 << 20
)

// carriers are programs that send on every request that wrk makes, small and large
// bodies, so that what propagation costs on the wire can be seen.
func carriers() []workload {
	return []workload{
		{"nginx-100b", "nginx fetches 100 bytes", 0, 2, "", func(ctx context.Context, dir, address string, beside *stage.Stage) (*exec.Cmd, error) {
			return startProxy(ctx, dir, address, beside, smallBody)
		}},
		{"nginx-1mb", "nginx fetches 1 MB", 0, 2, "", func(ctx context.Context, dir, address string, beside *stage.Stage) (*exec.Cmd, error) {
			return startProxy(ctx, dir, address, beside, largeBody)
		}},
		{"go-100b", "Go net/http fetches 100 bytes", 0, 2, "", func(ctx context.Context, _, address string, beside *stage.Stage) (*exec.Cmd, error) {
			return startCarrier(ctx, address, beside, smallBody, 0)
		}},
		{"go-1mb", "Go net/http fetches 1 MB", 0, 2, "", func(ctx context.Context, _, address string, beside *stage.Stage) (*exec.Cmd, error) {
			return startCarrier(ctx, address, beside, largeBody, 0)
		}},
		{"go-upload", "Go net/http sends 1 MB", 0, 2, "", func(ctx context.Context, _, address string, beside *stage.Stage) (*exec.Cmd, error) {
			return startCarrier(ctx, address, beside, smallBody, largeBody)
		}},
	}
}

// wireVariants are the ways to propagate. The first is what the others are compared
// with: the agent traces and leaves the wire alone.
func wireVariants() []variant {
	mode := func(name, about string) variant {
		return variant{name: name, about: about, args: []string{"run"}, env: []string{"THROUGHLINE_PROPAGATION=" + name}}
	}
	return []variant{
		mode("off", "nothing is propagated"),
		mode("joins", "joins on this host, nothing is injected"),
		mode("headers", "headers are injected"),
		mode("auto", "headers where the receiver is no target of this host"),
	}
}

// wire measures every carrier, saturated, with every way to propagate.
func (b *bench) wire(ctx context.Context) error {
	for _, w := range carriers() {
		if err := b.workload(ctx, w, wireVariants(), saturated); err != nil {
			return err
		}
	}
	return nil
}

// startBulk starts the server that carriers ask: it reads what it is sent and answers
// with so many bytes.
func startBulk(ctx context.Context, beside *stage.Stage, size int) (address string, err error) {
	if address, err = stage.FreeAddress(); err != nil {
		return "", err
	}
	cmd, err := as("bulk", address, strconv.Itoa(size))
	if err != nil {
		return "", err
	}
	p, err := beside.Start(cmd)
	if err != nil {
		return "", err
	}
	return address, p.Await(ctx, address)
}

func startProxy(ctx context.Context, dir, address string, beside *stage.Stage, size int) (*exec.Cmd, error) {
	other, err := startBulk(ctx, beside, size)
	if err != nil {
		return nil, err
	}
	return nginx(dir, strings.NewReplacer("ADDRESS", address, "OTHER", other).Replace(proxyConfig))
}

func startCarrier(ctx context.Context, address string, beside *stage.Stage, size, upload int) (*exec.Cmd, error) {
	other, err := startBulk(ctx, beside, size)
	if err != nil {
		return nil, err
	}
	return as("carrier", address, other, strconv.Itoa(upload))
}

// serveBulk is the role: ADDRESS SIZE.
func serveBulk(ctx context.Context, args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("reading the size of answers: %w", err)
	}
	body := bytes.Repeat([]byte("x"), size)
	return serve(ctx, args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", args[1])
		_, _ = w.Write(body)
	}))
}

// serveCarrier is the role: ADDRESS OTHER BYTES, which are sent with each request to
// the other.
func serveCarrier(ctx context.Context, args []string) error {
	upload, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("reading the size of requests: %w", err)
	}
	body := bytes.Repeat([]byte("x"), upload)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return serve(ctx, args[0], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+args[1]+"/bulk", bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := client.Do(q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		_, _ = io.WriteString(w, "hello\n")
	}))
}

// wireTable compares the ways to propagate with leaving the wire alone.
func (r *report) wireTable(out io.Writer) {
	first := true
	for _, w := range carriers() {
		off := r.values(w.name, wireVariants()[0].name, saturated, throughput)
		if off == nil {
			continue
		}
		if first {
			fmt.Fprintf(out, "\n### Propagation, wrk with %d connections\n\n", connections)
			fmt.Fprintln(out, "| the traced program | propagation | requests/s | of off | CPU µs/request | failed |")
			fmt.Fprintln(out, "|---|---|--:|--:|--:|--:|")
			first = false
		}
		for _, v := range wireVariants() {
			f := func(of func(sample) float64) []float64 { return r.values(w.name, v.name, saturated, of) }
			failures := 0.0
			for _, n := range f(failed) {
				failures += n
			}
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %.0f |\n", w.about, v.name, show(f(throughput), "%.0f"),
				percent(pairwise(f(throughput), off, ratio)), show(f(targetCPU), "%.2f"), failures)
		}
	}
}
