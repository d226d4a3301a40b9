package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// connections is how many every load uses that does not say otherwise.
const connections = 16

// A load sends requests for a while and says what became of them.
type load func(ctx context.Context, address string, d time.Duration) (loadResult, error)

// saturate sends as much as the server takes.
func saturate(ctx context.Context, address string, d time.Duration) (loadResult, error) {
	// wrk counts whole seconds; it ends early, in order, at an interrupt.
	seconds := int(d/time.Second) + 1
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(seconds)+"s", "http://"+address+"/hello")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return loadResult{}, fmt.Errorf("starting wrk (make install-test brings it): %w", err)
	}
	end := time.AfterFunc(d, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
	defer end.Stop()
	if err := cmd.Wait(); err != nil {
		return loadResult{}, fmt.Errorf("running wrk: %w\n%s", err, out.String())
	}
	r, err := parseWrk(out.String())
	r.own = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, err
}

func parseWrk(out string) (loadResult, error) {
	count := regexp.MustCompile(`(\d+) requests in ([0-9.]+)(ms|s|m),`).FindStringSubmatch(out)
	if count == nil {
		return loadResult{}, fmt.Errorf("reading what wrk says: no count in %q", out)
	}
	requests, err1 := strconv.Atoi(count[1])
	d, err2 := time.ParseDuration(count[2] + count[3])
	if err := errors.Join(err1, err2); err != nil {
		return loadResult{}, fmt.Errorf("reading what wrk says: %w", err)
	}
	r := loadResult{Requests: requests, Seconds: d.Seconds()}
	for _, pattern := range []string{`Non-2xx or 3xx responses: (\d+)`, `connect (\d+),`, `read (\d+),`, `write (\d+),`, `timeout (\d+)`} {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(out); m != nil {
			n, _ := strconv.Atoi(m[1])
			r.Failed += n
		}
	}
	return r, nil
}

// pace sends a fixed number of requests a second over some connections.
func pace(rate, connections int) load {
	return func(ctx context.Context, address string, d time.Duration) (loadResult, error) {
		var r loadResult
		own, err := ask(ctx, &r, "pace", address, strconv.Itoa(connections), strconv.Itoa(rate), d.String())
		r.own = own
		return r, err
	}
}

// ask plays a role in a process of its own and reads its answer. It returns the
// processor time that this took.
func ask(ctx context.Context, answer any, role string, args ...string) (time.Duration, error) {
	made, err := as(role, args...)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, made.Path, args...)
	cmd.Env, cmd.Stderr = made.Env, made.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("running %s: %w", role, err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return 0, fmt.Errorf("reading what %s says: %w", role, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
