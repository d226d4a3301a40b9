// Command vm runs a command on another kernel: it boots one of Debian's cloud
// kernels under software emulation with a small Debian root, runs the command
// inside, and passes on its output and its exit status.
//
//	go run ./test/vm -kernel 5.10 -copy bin/throughline -- ./throughline doctor
//	go run ./test/vm -kernel 6.12                  # what this kernel can do
//	go run ./test/vm -matrix '5.10 6.1 6.12 7'     # every flavour on each kernel
//
// The machine has the kernel's usual file systems, a loopback interface and no
// other network. Copied files are in its working directory, /host. Kernels and
// the root image are made once and kept in the cache directory; nothing that
// happens inside is kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// exitBroken is the exit status when the machine, not the command, failed.
const exitBroken = 125

func main() {
	var o options
	flag.StringVar(&o.cache, "cache", ".output/vm", "keep kernels and images in `DIR`")
	flag.StringVar(&o.kernel, "kernel", "6.12", "boot the newest kernel of this `VERSION`: 5.10, 6.1, 6.12, 7")
	flag.Var(&o.copies, "copy", "put this `FILE` or directory into the machine's /host (repeatable)")
	flag.Var(&o.env, "env", "set `NAME=VALUE` for the command (repeatable)")
	flag.DurationVar(&o.timeout, "timeout", 6*time.Minute, "end the machine after this time")
	flag.StringVar(&o.matrix, "matrix", "", "run the end-to-end tests for each flavour on these `KERNELS`")
	flag.StringVar(&o.binary, "binary", "bin/throughline", "with -matrix: the agent")
	flag.StringVar(&o.tests, "tests", ".output/e2e.test", "with -matrix: the static test binary")
	flag.StringVar(&o.pattern, "run", ".", "with -matrix: the tests to run")
	flag.StringVar(&o.table, "table", "", "with -matrix: write the table to `FILE` too")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := o.run(ctx, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	os.Exit(status)
}

type options struct {
	cache, kernel                         string
	copies, env                           list
	timeout                               time.Duration
	matrix, binary, tests, pattern, table string
}

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func (o *options) run(ctx context.Context, command []string) (status int, err error) {
	cache, err := filepath.Abs(o.cache)
	if err != nil {
		return exitBroken, err
	}
	unlock, err := lock(cache)
	if err != nil {
		return exitBroken, err
	}
	defer unlock()
	m := machine{guest: filepath.Join(cache, "guest"), console: filepath.Join(cache, "console.log"), timeout: o.timeout}
	if err := buildGuest(ctx, m.guest); err != nil {
		return exitBroken, err
	}
	if m.image, err = rootImage(ctx, cache); err != nil {
		return exitBroken, err
	}
	if o.matrix != "" {
		return o.runMatrix(ctx, cache, m)
	}
	if m.kernel, err = findKernel(ctx, cache, o.kernel); err != nil {
		return exitBroken, err
	}
	m.copies, m.env, m.command = o.copies, o.env, command
	if len(command) == 0 {
		m.copies = append(m.copies, m.guest)
		m.command = []string{"./guest", "facts"}
	}
	status, err = m.run(ctx, os.Stdout, os.Stderr)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("ended after %s", o.timeout)
	}
	return status, err
}

// lock keeps two harnesses from making the same files at once.
func lock(cache string) (unlock func(), err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}
