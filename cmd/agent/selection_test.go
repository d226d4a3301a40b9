package main

import (
	"errors"
	"os"
	"testing"

	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/probes/process"
)

// TestFindGoesOn: what one choice cannot find takes nothing from the others.
func TestFindGoesOn(t *testing.T) {
	self := os.Getpid()
	all, err := selectors(config.Config{PIDs: []int{4194304, self}, Exes: []string{"/no/such/program"}})
	if err != nil {
		t.Fatal(err)
	}
	found, _ := find(all, true) // there may be processes that cannot be looked at
	if len(found) != 1 || found[0].PID != self {
		t.Errorf("%v: want process %d alone", found, self)
	}
	if _, err := find(all, false); !errors.Is(err, process.ErrNotFound) {
		t.Errorf("without patience: %v", err)
	}
}

// TestPin: a number that was given again is another process.
func TestPin(t *testing.T) {
	all := []choice{{Selector: process.Selector{PID: os.Getpid()}}}
	if err := pin(all); err != nil {
		t.Fatal(err)
	}
	if found, err := find(all, true); err != nil || len(found) != 1 {
		t.Errorf("%v, %v: want this process", found, err)
	}
	all[0].start++
	if found, err := find(all, true); err != nil || len(found) != 0 {
		t.Errorf("%v, %v: want none", found, err)
	}
	if err := pin([]choice{{Selector: process.Selector{PID: 4194304}}}); !errors.Is(err, process.ErrNotFound) {
		t.Errorf("a number of nobody: %v", err)
	}
}
