package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// The kinds of reasons for which a process cannot be read or found. Errors of
// this package match them with errors.Is; their text is one sentence for the
// user.
var (
	ErrNotFound     = errors.New("no such process")
	ErrKernelThread = errors.New("kernel thread")
	ErrExited       = errors.New("process has exited")
	ErrPermission   = errors.New("permission denied")
)

// Error says in one sentence what is wrong with a process and what to do.
type Error struct {
	// PID is the process asked for, 0 when it was asked for in another way.
	PID int
	// Kind is one of the sentinels of this package.
	Kind error
	// Sentence is the text for the user.
	Sentence string
}

func (e *Error) Error() string { return e.Sentence }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func notFound(pid int) error {
	return &Error{pid, ErrNotFound, fmt.Sprintf("no process %d", pid)}
}

func isThread(tid, pid int) error {
	return &Error{tid, ErrNotFound, fmt.Sprintf("no process %d: it is a thread of process %d; name that one instead", tid, pid)}
}

func kernelThread(pid int, comm string) error {
	return &Error{pid, ErrKernelThread, fmt.Sprintf("process %d (%s) is a kernel thread: it has no program to trace; choose another process", pid, comm)}
}

func exited(pid int) error {
	return &Error{pid, ErrExited, fmt.Sprintf("process %d has exited: start it again, or start it with throughline trace -- COMMAND", pid)}
}

func zombie(pid int, comm string) error {
	return &Error{pid, ErrExited, fmt.Sprintf("process %d (%s) has exited and waits for its parent to collect it: choose another process", pid, comm)}
}

func denied(pid int, owner string) error {
	return &Error{pid, ErrPermission, fmt.Sprintf("no permission to read process %d, which belongs to %s: %s", pid, owner, permissionCure())}
}

// permissionCure says what helps; being root already is not enough when
// capabilities were dropped, or when the process holds more than the reader.
func permissionCure() string {
	if os.Geteuid() == 0 {
		return "throughline runs as root but with fewer capabilities than that process, or a security module forbids it; give it all capabilities"
	}
	return "run as root, or give throughline CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
}

// gone says whether a read below /proc/PID failed because the process went.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
