package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Selector chooses processes. Each field that is set must match; the zero
// Selector matches nothing.
type Selector struct {
	// PID is one process.
	PID int
	// Exe is a glob (path.Match) for the executable: its full path when the glob
	// holds a slash, else its base name.
	Exe string
	// Port is a TCP port on which the process listens, itself or through a
	// socket it inherited.
	Port int
	// Container is the beginning of a container id.
	Container string
}

// Validate says what is wrong with the selector.
func (s Selector) Validate() error {
	if s == (Selector{}) {
		return errors.New("no process is chosen: give a pid, port, executable or container")
	}
	if _, err := path.Match(s.Exe, ""); err != nil {
		return fmt.Errorf("parsing executable glob %q: %w", s.Exe, err)
	}
	if s.Port < 0 || s.Port > 65535 {
		return fmt.Errorf("port %d is not between 1 and 65535", s.Port)
	}
	if s.PID < 0 {
		return fmt.Errorf("pid %d is not a process number", s.PID)
	}
	return nil
}

func (s Selector) String() string {
	var parts []string
	if s.PID != 0 {
		parts = append(parts, fmt.Sprintf("number %d", s.PID))
	}
	if s.Exe != "" {
		parts = append(parts, fmt.Sprintf("executable %q", s.Exe))
	}
	if s.Port != 0 {
		parts = append(parts, fmt.Sprintf("listening port %d", s.Port))
	}
	if s.Container != "" {
		parts = append(parts, fmt.Sprintf("container %q", s.Container))
	}
	return strings.Join(parts, " and ")
}

// Find returns the processes of /proc that the selector chooses.
func Find(s Selector) ([]*Process, error) { return FS{}.Find(s) }

// Find returns all processes that the selector chooses, by number, the caller
// itself excluded. None is an *Error of kind ErrNotFound, or of ErrPermission when
// there were processes that could not be looked at.
func (f FS) Find(s Selector) ([]*Process, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.PID != 0 && s == (Selector{PID: s.PID}) {
		p, err := f.Read(s.PID)
		if err != nil {
			return nil, err
		}
		return []*Process{p}, nil
	}
	pids, err := f.pids()
	if err != nil {
		return nil, err
	}
	m := matcher{fs: f, selector: s}
	if s.Port != 0 {
		// The caller's own namespace may be the only one it may look into.
		m.listeners = f.listeningInodes(append(f.self(), pids...), s.Port)
	}
	var out []*Process
	refused := 0
	for _, pid := range pids {
		p, err := m.match(pid)
		switch {
		case errors.Is(err, fs.ErrPermission) && !f.hasGone(pid), errors.Is(err, ErrPermission):
			refused++
		case err == nil && p != nil:
			out = append(out, p)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case refused > 0:
		return nil, &Error{0, ErrPermission, fmt.Sprintf("no process with %v among those this user may look at (%d were refused): %s", s, refused, permissionCure())}
	default:
		return nil, &Error{0, ErrNotFound, fmt.Sprintf("no process with %v", s)}
	}
}

// pids lists the processes but the caller.
func (f FS) pids() ([]int, error) {
	entries, err := os.ReadDir(f.root())
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	self := f.self()
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 0 && !slices.Contains(self, pid) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// self is the caller, if this proc file system knows it.
func (f FS) self() []int {
	link, _ := os.Readlink(filepath.Join(f.root(), "self"))
	pid, err := strconv.Atoi(link)
	if err != nil {
		return nil
	}
	return []int{pid}
}

// matcher tests processes cheapest question first.
type matcher struct {
	fs        FS
	selector  Selector
	listeners map[uint64]bool // inodes of the sockets that listen on the port
}

// match returns the process when it is chosen, nil, nil when it is not.
func (m *matcher) match(pid int) (*Process, error) {
	s := m.selector
	if s.PID != 0 && pid != s.PID {
		return nil, nil
	}
	if s.Exe != "" {
		link, err := os.Readlink(m.fs.path(pid, "exe"))
		if err != nil {
			return nil, err
		}
		exe, _ := cutDeleted(link)
		if !matchExe(s.Exe, m.fs.insideRoot(pid, exe)) {
			return nil, nil
		}
	}
	if s.Container != "" {
		b, err := readSmall(m.fs.path(pid, "cgroup"))
		if err != nil {
			return nil, err
		}
		if _, id := parseCgroup(b); !strings.HasPrefix(id, s.Container) {
			return nil, nil
		}
	}
	if s.Port != 0 {
		if holds, err := m.fs.holdsSocket(pid, m.listeners); err != nil || !holds {
			return nil, err
		}
	}
	return m.fs.Read(pid)
}

func matchExe(glob, exe string) bool {
	name := exe
	if !strings.Contains(glob, "/") {
		name = path.Base(exe)
	}
	ok, _ := path.Match(glob, name) // Validate has seen the pattern
	return ok
}
