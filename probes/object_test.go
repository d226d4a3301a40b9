package probes

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLoadError(t *testing.T) {
	err := fmt.Errorf("loading: %w", loadError{fmt.Errorf("load program: %w%s", unix.EPERM, memlockGuess)})
	if got, want := err.Error(), "loading: load program: operation not permitted"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, os.ErrPermission) {
		t.Error("not a permission error any more")
	}
}
