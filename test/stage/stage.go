// Package stage is where demonstrations and measurements put on their programs:
// a cgroup and a directory of their own, and nothing left of either afterwards.
package stage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/throughline/throughline/probes/process"
)

// A Stage owns a cgroup, a directory and the programs that were started on it.
// Close must be called.
type Stage struct {
	// Dir is an empty directory for the programs' files.
	Dir string

	cgroup string
	handle *os.File

	mu       sync.Mutex
	programs []*Program
}

// Open makes a stage. The cgroup is a new child of the cgroup v2 root.
func Open(name string) (*Stage, error) {
	mount, err := process.CgroupMount()
	if err != nil {
		return nil, err
	}
	s := &Stage{cgroup: filepath.Join(mount, name+"-"+strconv.Itoa(os.Getpid()))}
	if err := os.Mkdir(s.cgroup, 0o755); err != nil {
		return nil, fmt.Errorf("making a cgroup: %w", err)
	}
	if s.handle, err = os.Open(s.cgroup); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the cgroup: %w", err), s.Close())
	}
	if s.Dir, err = os.MkdirTemp("", name+"-"); err != nil {
		return nil, errors.Join(fmt.Errorf("making a directory: %w", err), s.Close())
	}
	return s, nil
}

// Start starts a program in the stage's cgroup.
func (s *Stage) Start(cmd *exec.Cmd) (*Program, error) {
	attributes := ownGroup(cmd)
	attributes.UseCgroupFD, attributes.CgroupFD = true, int(s.handle.Fd())
	return s.start(cmd)
}

// StartBeside starts a program outside the cgroup, one that acts on those inside.
func (s *Stage) StartBeside(cmd *exec.Cmd) (*Program, error) {
	ownGroup(cmd)
	return s.start(cmd)
}

// ownGroup keeps a terminal's Ctrl-C from the program: Close ends it, in order.
// It does not outlive this process in any case.
func ownGroup(cmd *exec.Cmd) *syscall.SysProcAttr {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return cmd.SysProcAttr
}

func (s *Stage) start(cmd *exec.Cmd) (*Program, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Program{name: filepath.Base(cmd.Path), cmd: cmd, done: make(chan struct{})}
	go p.wait()
	s.mu.Lock()
	s.programs = append(s.programs, p)
	s.mu.Unlock()
	return p, nil
}

// Close ends every program, the last one first, and removes cgroup and directory.
func (s *Stage) Close() error {
	var errs []error
	s.mu.Lock()
	programs := s.programs
	s.programs = nil
	s.mu.Unlock()
	for i := len(programs) - 1; i >= 0; i-- {
		errs = append(errs, programs[i].Stop())
	}
	errs = append(errs, s.removeCgroup())
	if s.Dir != "" {
		errs = append(errs, os.RemoveAll(s.Dir))
	}
	return errors.Join(errs...)
}

// removeCgroup ends what the programs left behind in it, and removes it.
func (s *Stage) removeCgroup() error {
	if s.handle != nil {
		s.handle.Close()
	}
	var err error
	for range 50 {
		if err = os.Remove(s.cgroup); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		left, _ := s.Members()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone, which is what is wanted
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("removing the cgroup: %w", err)
}

// Members returns the processes that run in the stage's cgroup.
func (s *Stage) Members() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(s.cgroup, "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("reading the cgroup's members: %w", err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
