package probes

import (
	"os/exec"
	"testing"

	"github.com/throughline/throughline/probes/process"
)

// TestTurns: one looks at a process at a time, and again if asked meanwhile.
func TestTurns(t *testing.T) {
	var turns turns
	first, ok := turns.take(7)
	if !ok || !turns.is(7, first) {
		t.Fatal("the first turn is not granted")
	}
	if _, ok := turns.take(8); !ok {
		t.Error("another process has to wait")
	}
	for range 2 {
		if _, ok := turns.take(7); ok {
			t.Error("two look at once")
		}
	}
	if turns.is(7, first) {
		t.Error("a stale turn passes for the last one")
	}
	later, more := turns.end(7, first)
	if !more || !turns.is(7, later) {
		t.Error("what was asked for meanwhile is not done")
	}
	if _, more := turns.end(7, later); more {
		t.Error("looked at for nothing")
	}
	if _, ok := turns.take(7); !ok {
		t.Error("no turn after the last one was given back")
	}
}

// TestGone: a target is gone when its process is, not before.
func TestGone(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := process.Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	unread := *p
	unread.StartTime = 0
	if p.Gone() || unread.Gone() {
		t.Error("gone while it runs")
	}
	other := *p
	other.StartTime++
	if !other.Gone() {
		t.Error("not gone when its number was given again")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if !p.Gone() || !unread.Gone() {
		t.Error("not gone after its end")
	}
}
