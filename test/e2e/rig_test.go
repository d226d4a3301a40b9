package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/throughline/throughline/probes/process"
)

// A rig is what one test has to itself: a cgroup, a directory, processes. All
// of it is gone when the test ends, or the test fails.
type rig struct {
	*testing.T
	cgroup string
	dir    string
	procs  []*proc
}

var rigs int

func newRig(t *testing.T) *rig {
	t.Helper()
	mount, err := process.CgroupMount()
	if err != nil {
		t.Fatal(err)
	}
	rigs++
	r := &rig{T: t, dir: t.TempDir(),
		cgroup: filepath.Join(mount, fmt.Sprintf("throughline-test-%d-%d", os.Getpid(), rigs))}
	if err := os.Mkdir(r.cgroup, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.tearDown)
	return r
}

// tearDown ends the processes by their numbers and says which of them left
// others behind.
func (r *rig) tearDown() {
	for i := len(r.procs) - 1; i >= 0; i-- {
		r.procs[i].end()
	}
	if r.Failed() {
		for _, p := range r.procs {
			r.Logf("%s said:\n%s", p.name, tail(p.said(), 4000))
		}
	}
	if !poll(3*time.Second, func() bool { return len(r.members()) == 0 }) {
		for _, pid := range r.members() {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			r.Errorf("process %d is left over: %q", pid, bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		poll(3*time.Second, func() bool { return len(r.members()) == 0 })
	}
	if !poll(3*time.Second, func() bool { return os.Remove(r.cgroup) == nil }) {
		r.Errorf("removing %s: %v", r.cgroup, os.Remove(r.cgroup))
	}
}

// members are the processes of the cgroup.
func (r *rig) members() []int {
	text, err := os.ReadFile(filepath.Join(r.cgroup, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A proc is a process of a rig. What it says is kept.
type proc struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
	err error
}

// command describes a process to start.
type command struct {
	args   []string
	env    []string
	dir    string
	stdout *os.File // instead of what is kept
	stop   syscall.Signal
}

// start runs a program in the rig's cgroup.
func (r *rig) start(c command) *proc {
	r.Helper()
	group, err := os.Open(r.cgroup)
	if err != nil {
		r.Fatal(err)
	}
	defer group.Close()
	p := &proc{name: filepath.Base(c.args[0]), exited: make(chan struct{})}
	p.cmd = exec.Command(c.args[0], c.args[1:]...)
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Dir = c.dir
	if p.cmd.Dir == "" {
		p.cmd.Dir = r.dir
	}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if c.stdout != nil {
		p.cmd.Stdout = c.stdout
	}
	p.cmd.WaitDelay = 2 * time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := p.cmd.Start(); err != nil {
		r.Fatalf("starting %s: %v", c.args[0], err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	r.procs = append(r.procs, p)
	return p
}

func (p *proc) pid() int { return p.cmd.Process.Pid }

// Write keeps what the process says.
func (p *proc) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *proc) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *proc) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// patience is how long to wait for something in an emulated machine, where the
// kernel's verifier takes half a minute for what it does in 100 ms.
func patience(limit time.Duration) time.Duration {
	if settings.vm {
		return 5 * limit
	}
	return limit
}

// wait waits for the process's end and gives its exit status; -1: it did not
// end in time, or by a signal.
func (p *proc) wait(limit time.Duration) int {
	select {
	case <-p.exited:
		var exit *exec.ExitError
		if p.err == nil || errors.Is(p.err, exec.ErrWaitDelay) {
			return 0
		} else if errors.As(p.err, &exit) {
			return exit.ExitCode()
		}
		return -1
	case <-time.After(patience(limit)):
		return -1
	}
}

func (p *proc) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// end asks the process to end, and insists.
func (p *proc) end() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(3 * time.Second):
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// poll tries until the condition holds or the time is over.
func poll(limit time.Duration, condition func() bool) bool {
	end := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		if condition() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
	}
}

// freePort gives a port that nobody listened on a moment ago.
func (r *rig) freePort() int {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// listening waits until a server accepts connections.
func (r *rig) listening(p *proc, network, address string) {
	r.Helper()
	ok := poll(30*time.Second, func() bool {
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
		}
		return err == nil || !p.running()
	})
	if !ok || !p.running() {
		r.Fatalf("%s does not listen on %s: %s", p.name, address, tail(p.said(), 2000))
	}
}

// need finds a program. One that is missing fails the test, but in a test
// machine, which does not have everything.
func (r *rig) need(program string) string {
	r.Helper()
	if filepath.IsAbs(program) {
		if _, err := os.Stat(program); err == nil {
			return program
		}
	} else if path, err := exec.LookPath(program); err == nil {
		return path
	}
	if settings.vm {
		fmt.Println("ABSENT:", program)
		r.Skipf("%s is not on this machine", program)
	}
	r.Fatalf("%s is not installed: make install-test", program)
	return ""
}

// write puts a file into the rig's directory.
func (r *rig) write(name, text string) string {
	r.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
	return path
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }
