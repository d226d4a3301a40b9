// Package leaktest fails a package's tests when they leave goroutines or file
// descriptors behind.
package leaktest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// status is what a leak ends the tests with, told apart from a failed test.
const status = 99

// patience is how long finalizers and exits under way may take.
const patience = 2 * time.Second

// Run runs the tests of a package and returns the status to exit with.
func Run(m *testing.M) int {
	before, err := descriptors()
	if err != nil {
		fmt.Fprintln(os.Stderr, "leaktest:", err)
		return status
	}
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "leaktest:", err)
		return status
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		leaked := leakedSince(before)
		if len(leaked) == 0 {
			return 0
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "leaktest: descriptors left open:", leaked)
			return status
		}
	}
}

// descriptors lists what is open, by number.
func descriptors() (map[string]string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, fmt.Errorf("listing open descriptors: %w", err)
	}
	open := map[string]string{}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // not the listing's own
			open[e.Name()] = target
		}
	}
	return open, nil
}

// leakedSince lists what is open now and was not before. What the runtime and
// the BPF library keep for good is no leak.
func leakedSince(before map[string]string) []string {
	now, err := descriptors()
	if err != nil {
		return []string{err.Error()}
	}
	kept := []string{"anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[pidfd]"}
	var leaked []string
	for _, fd := range slices.Sorted(maps.Keys(now)) {
		if _, was := before[fd]; !was && !slices.Contains(kept, now[fd]) {
			leaked = append(leaked, fd+" "+now[fd])
		}
	}
	return leaked
}
