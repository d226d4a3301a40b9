package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHeld: how a command ended is known, also if it never began.
func TestHeld(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command []string
		status  int // -1: an error of another kind
		says    string
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"sh", "-c", "exit 3"}, 3, "sh ended with status 3"},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, "sh was ended by signal 9"},
		{[]string{garbage}, -1, "exec format error"},
	} {
		h, err := holdCommand(c.command)
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.process()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.ServiceName(), filepath.Base(c.command[0]); got != want {
			t.Errorf("%v is called %q, want %q", c.command, got, want)
		}
		if err := h.begin(); err != nil {
			t.Fatal(err)
		}
		<-h.done
		err = h.ended()
		var ended *commandStatus
		switch {
		case c.says == "" && err != nil, c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%v: %v, want %q", c.command, err, c.says)
		case errors.As(err, &ended) != (c.status > 0), ended != nil && ended.status != c.status:
			t.Errorf("%v: %v, want status %d", c.command, err, c.status)
		}
		h.stop()
	}
}

// TestHeldStubborn: a command that does not end when told to is named.
func TestHeldStubborn(t *testing.T) {
	h, err := holdCommand([]string{"sh", "-c", "trap '' TERM; exec sleep 60"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.begin(); err != nil {
		t.Fatal(err)
	}
	for range 500 { // until it sleeps and the signal is ignored
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.pid()))
		if string(name) == "sleep\n" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.stop()
	var said strings.Builder
	h.settle(&said)
	if !strings.Contains(said.String(), "still runs") {
		t.Errorf("said %q", said.String())
	}
	_ = h.cmd.Process.Signal(syscall.SIGKILL)
	<-h.done
}
