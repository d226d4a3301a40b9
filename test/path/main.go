// Command path measures what a span costs the agent behind the ring: records of the ring, of the form that the kernel
// gives them and with heads of real programs, go through decoding, flow, protocol, correlation with inferred routes,
// redaction, the queue and OTLP export to a receiver that throws everything away, on one core.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/correlate"
	"github.com/throughline/throughline/export"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

// The aims for one core.
const (
	aimSpans       = 100_000 // a second
	aimAllocations = 10      // a span
)

func main() {
	spans := flag.Int("spans", 1_000_000, "replay until `N` spans are made, a workload")
	protocol := flag.String("protocol", "grpc", "export by OTLP `PROTOCOL`: grpc or http/protobuf")
	profile := flag.String("profile", "", "write a CPU profile to `FILE`")
	receive := flag.Bool("receive", false, "be the receiver (the command starts itself so)")
	flag.Parse()
	run := func() error { return measure(*spans, *protocol, *profile) }
	if *receive {
		run = receiver
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "path:", err)
		os.Exit(1)
	}
}

// figures of one workload.
type figures struct {
	spans, exported uint64
	wall, processor time.Duration
	allocations     uint64
	bytes           uint64
	collections     uint32
}

func measure(spans int, protocol, profile string) error {
	address, stop, err := startReceiver(protocol)
	if err != nil {
		return err
	}
	defer stop()
	os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
	os.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(300) // as cmd/agent does
	debug.SetMemoryLimit(32 << 20)
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return fmt.Errorf("profiling: %w", err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("profiling: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Printf("One core, OTLP by %s to a receiver in another process that discards; aims: %d spans/s, at most %d allocations a span.\n\n",
		protocol, aimSpans, aimAllocations)
	fmt.Println("| workload | spans | spans/s of processor time | spans/s of the clock | us a span | allocations a span | bytes a span | collections |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	var failed error
	for _, w := range workloads() {
		f, err := w.run(spans)
		if err != nil {
			return fmt.Errorf("replaying %s: %w", w.name, err)
		}
		n := float64(f.spans)
		fmt.Printf("| %s | %d | %.0f | %.0f | %.2f | %.2f | %.0f | %d |\n", w.name, f.spans, n/f.processor.Seconds(), n/f.wall.Seconds(),
			float64(f.processor.Nanoseconds())/1000/n, float64(f.allocations)/n, float64(f.bytes)/n, f.collections)
		if f.exported != f.spans {
			failed = errors.Join(failed, fmt.Errorf("%s: %d spans made, %d exported", w.name, f.spans, f.exported))
		}
		if n/f.processor.Seconds() < aimSpans || float64(f.allocations)/n > aimAllocations {
			failed = errors.Join(failed, fmt.Errorf("%s: an aim is missed", w.name))
		}
	}
	return failed
}

// run replays the workload until it has made that many spans and all are delivered.
func (w *workload) run(spans int) (figures, error) {
	self, err := process.Read(os.Getpid())
	if err != nil {
		return figures{}, err
	}
	if err := w.check(); err != nil {
		return figures{}, err
	}
	pipeline, err := export.New(context.Background(), export.Default(), export.Settings{})
	if err != nil {
		return figures{}, err
	}
	made := 0
	c := correlate.New(correlate.Config{
		Processes: func(uint32) (*process.Process, bool) { return self, true },
		Resource:  process.ResourceOptions{Host: process.ReadHost(), Version: "path"},
		Routes:    correlate.Routes{Served: true}, // as the agent does unless told otherwise
		Spans: func(span sdktrace.ReadOnlySpan) {
			made++
			pipeline.Span(span)
		},
	}, w.recorder.clock)
	var ev event.Event
	handle := func(record []byte) error {
		if err := event.Decode(record, &ev); err != nil {
			return err
		}
		c.Handle(&ev)
		return nil
	}
	for _, record := range w.opening {
		if err := handle(record); err != nil {
			return figures{}, err
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, used := time.Now(), processorTime()
	for i := 0; made < spans; i++ {
		talk := &w.talks[i%len(w.talks)]
		for j := range talk.records {
			if err := handle(w.recorder.next(talk, j)); err != nil {
				return figures{}, err
			}
		}
		if made%1024 < 2 {
			for pipeline.Stats()[0].Queued > 4096 { // a span that is dropped is cheap
				time.Sleep(200 * time.Microsecond)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := pipeline.Shutdown(ctx); err != nil {
		return figures{}, err
	}
	f := figures{spans: uint64(made), exported: pipeline.Stats()[0].Exported, wall: time.Since(began), processor: processorTime() - used}
	runtime.ReadMemStats(&after)
	f.allocations, f.bytes, f.collections = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc, after.NumGC-before.NumGC
	return f, nil
}

// processorTime is what this process used so far, on all its threads.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0 // cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// startReceiver starts this command as the receiver.
func startReceiver(protocol string) (address string, stop func(), err error) {
	cmd := exec.Command("/proc/self/exe", "-receive", "-protocol", protocol)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, fmt.Errorf("starting the receiver: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("starting the receiver: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("starting the receiver: %w", err)
	}
	stop = func() {
		in.Close() // which ends it
		_ = cmd.Wait()
	}
	if _, err := fmt.Fscanln(out, &address); err != nil {
		stop()
		return "", nil, fmt.Errorf("waiting for the receiver: %w", err)
	}
	return address, stop, nil
}

// receiver answers every request with success, reads it and keeps nothing, until its standard input ends. An empty
// answer is right in Protobuf, and a gRPC answer is one of HTTP/2 with a trailer.
func receiver() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(discard)}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("receiving: %w", err)
	}
	return nil
}

func discard(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.ProtoMajor != 2 {
		w.Header().Set("Content-Type", "application/x-protobuf")
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(make([]byte, 5)) // a message of no bytes
	w.Header().Set("Grpc-Status", "0")
}
