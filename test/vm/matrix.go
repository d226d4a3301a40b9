package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// flavours are the ways to hook sockets, in the order that the agent tries
// them, with the kernel from which each must work. Where it must, an ability
// that the tests call absent is a failure.
var flavours = []struct {
	name  string
	since string
}{
	{"tracepoint", "6.3"}, // net: add sock_send_length and sock_recv_length
	{"fentry", "5.5"},
	{"kprobe", "4.1"},
	{"syscall", "4.7"},
}

// cell is the result of one flavour on one kernel.
type cell struct {
	verdict string // ok, absent or FAIL
	detail  string
}

func (c cell) String() string {
	if c.detail == "" {
		return c.verdict
	}
	return c.verdict + " (" + c.detail + ")"
}

// runMatrix runs the tests once for each kernel and flavour, each on a machine of its own.
func (o *options) runMatrix(ctx context.Context, cache string, m machine) (status int, err error) {
	logs := filepath.Join(cache, "log")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return exitBroken, err
	}
	var (
		releases []string
		jobs     []*job
	)
	for version := range strings.FieldsSeq(o.matrix) {
		if m.kernel, err = findKernel(ctx, cache, version); err != nil {
			return exitBroken, err
		}
		releases = append(releases, m.kernel.release)
		for _, f := range flavours {
			j := &job{machine: m, flavour: f.name, since: f.since, log: filepath.Join(logs, version+"-"+f.name+".log")}
			j.console = filepath.Join(logs, version+"-"+f.name+".console")
			j.copies = []string{o.binary, o.tests}
			j.env = append(slices.Clone(o.env),
				"THROUGHLINE_VM=1", "THROUGHLINE_BIN=/host/"+filepath.Base(o.binary), "THROUGHLINE_FLAVOUR="+f.name)
			j.command = []string{"./" + filepath.Base(o.tests), "-test.v", "-test.run", o.pattern,
				"-test.timeout", (o.timeout - 20*time.Second).String()}
			jobs = append(jobs, j)
		}
	}
	if err := runJobs(ctx, jobs); err != nil {
		return exitBroken, err
	}
	rows := map[string][]cell{}
	for _, j := range jobs {
		if j.result.verdict == "FAIL" {
			status = 1
		}
		rows[j.kernel.release] = append(rows[j.kernel.release], j.result)
	}
	text := table(releases, rows)
	fmt.Print(text)
	if o.table != "" {
		err = os.WriteFile(o.table, []byte(text), 0o644)
	}
	return status, err
}

// A job is one machine's share of the matrix.
type job struct {
	machine
	flavour, since string
	log            string
	result         cell
}

// runJobs runs as many machines at once as there are processors: each takes one.
func runJobs(ctx context.Context, jobs []*job) error {
	var (
		wait sync.WaitGroup
		room = make(chan struct{}, runtime.NumCPU())
		errs = make([]error, len(jobs))
	)
	for i, j := range jobs {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			j.result, errs[i] = j.cell(ctx, j.log, j.since)
			fmt.Fprintf(os.Stderr, "  %-5s %s %s: %s\n", "VM", j.kernel.release, j.flavour, j.result)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (m *machine) cell(ctx context.Context, log, since string) (cell, error) {
	f, err := os.Create(log)
	if err != nil {
		return cell{}, err
	}
	defer f.Close()
	var said bytes.Buffer
	both := io.MultiWriter(f, &said)
	status, err := m.run(ctx, both, both)
	// A machine that ends before its command is no verdict of a test: one more
	// machine, and it is said.
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "  %-5s %s: %v, once more\n", "VM", m.kernel.release, err)
		said.Reset()
		status, err = m.run(ctx, both, both)
	}
	if ctx.Err() != nil {
		return cell{}, ctx.Err()
	}
	c := judge(said.String(), status, err, slices.Compare(numbers(m.kernel.release), numbers(since)) >= 0)
	if c.verdict == "FAIL" {
		text := said.String()
		fmt.Fprintln(os.Stderr, text[max(0, len(text)-4000):])
	}
	return c, nil
}

// judge reads a verdict from what a test binary said. mustWork: the kernel is
// new enough for the flavour.
func judge(said string, status int, err error, mustWork bool) cell {
	var passed int
	var absent string
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "--- PASS") {
			passed++
		}
		if _, ability, ok := strings.Cut(line, "ABSENT: "); ok {
			absent = ability
		}
	}
	switch {
	case err != nil:
		return cell{"FAIL", err.Error()}
	case status != 0:
		return cell{"FAIL", fmt.Sprintf("exit status %d", status)}
	case absent != "" && mustWork:
		return cell{"FAIL", "absent: " + absent}
	case absent != "":
		return cell{"absent", absent}
	case passed == 0:
		return cell{"FAIL", "no test ran"}
	}
	return cell{"ok", fmt.Sprintf("%d tests", passed)}
}

// table is the matrix as Markdown.
func table(releases []string, rows map[string][]cell) string {
	var b strings.Builder
	b.WriteString("| kernel |")
	for _, f := range flavours {
		b.WriteString(" " + f.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(flavours)) + "\n")
	for _, release := range releases {
		b.WriteString("| " + release + " |")
		for _, c := range rows[release] {
			b.WriteString(" " + c.String() + " |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
