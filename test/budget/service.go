package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
)

// roleVariable makes this program a service; its value is a role as JSON.
const roleVariable = "THROUGHLINE_BUDGET_ROLE"

// A role is what a service does.
type role struct {
	Keys   keys
	Serves string // the way in which it is asked; empty: it is told on its standard input
	At     string // the address that it serves on
	Calls  string // the way in which it asks, once a request; empty: not at all
	To     string // the address that it asks
}

// command starts this program as a service.
func (r role) command() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the own executable: %w", err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing a role: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// serve is the service.
func serve(ctx context.Context) error {
	var r role
	if err := json.Unmarshal([]byte(os.Getenv(roleVariable)), &r); err != nil {
		return fmt.Errorf("reading %s: %w", roleVariable, err)
	}
	do := func(context.Context) error { return nil }
	if r.Calls != "" {
		w, err := wayOf(r.Calls)
		if err != nil {
			return err
		}
		if do, err = w.caller(r.Keys, r.To); err != nil {
			return err
		}
	}
	if r.Serves == "" {
		return obey(ctx, do)
	}
	w, err := wayOf(r.Serves)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp4", r.At)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return w.serve(ctx, r.Keys, l, do)
}

// obey calls as often as each line of standard input says, and writes a line
// when that is done.
func obey(ctx context.Context, do call) error {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return fmt.Errorf("reading how often to call: %w", err)
		}
		if err := repeat(ctx, do, n); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return nil
}

// repeat calls one time after another.
func repeat(ctx context.Context, do call, n int) error {
	for range n {
		if err := do(ctx); err != nil {
			return fmt.Errorf("calling: %w", err)
		}
	}
	return nil
}
