package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock keeps other agents out of a directory. The kernel releases it when the process ends, however it does.
type Lock struct{ file *os.File }

// Hold takes the lock of a directory, which is made if it is not there.
func Hold(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("opening the spool %s: another agent uses it; name another directory", dir)
		} else {
			err = fmt.Errorf("locking the spool %s: %w", dir, err)
		}
		return nil, errors.Join(err, file.Close())
	}
	return &Lock{file: file}, nil
}

// Release lets others in.
func (l *Lock) Release() error { return l.file.Close() }
