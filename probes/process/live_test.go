package process

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("OTEL_TEST_CHILD") != "" {
		bufio.NewReader(os.Stdin).ReadByte() // until the parent closes it
		return
	}
	before := openFDs()
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if after := openFDs(); after > before {
		fmt.Fprintf(os.Stderr, "%d descriptors leaked\n", after-before)
		code = 1
	}
	os.Exit(code)
}

// openFDs counts regular files and directories that this process holds open; the
// runtime's own pollers come and go.
func openFDs() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	n := 0
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(link, "/proc/") && !strings.HasSuffix(link, "/fd") {
			n++
		}
	}
	return n
}

// start runs a command for the length of the test.
func start(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestReadGoChild(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := start(t, []string{"OTEL_TEST_CHILD=1", "OTEL_SERVICE_NAME=shop", "PASSWORD=secret"}, self)
	p, err := Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if p.Executable != self || p.ParentPID != os.Getpid() || p.Runtime.Kind != "go" || !strings.HasPrefix(p.Runtime.Version, "go1.") {
		t.Errorf("got %+v, runtime %+v", p, p.Runtime)
	}
	if p.ServiceName() != "shop" || p.Env["PASSWORD"] != "" || !p.Alive() {
		t.Errorf("name %q, environment %v", p.ServiceName(), p.Env)
	}
	threads, err := FS{}.Threads(p.PID)
	if err != nil || len(threads) == 0 || threads[0] != p.PID {
		t.Errorf("threads %v, %v", threads, err)
	}
}

func TestReadExited(t *testing.T) {
	cmd := start(t, nil, "/bin/sleep", "60")
	pid := cmd.Process.Pid
	p, err := Read(pid)
	if err != nil || p.ServiceName() != "sleep" && p.ServiceName() != "coreutils" {
		t.Fatalf("got %+v, %v", p, err)
	}
	_ = cmd.Process.Kill()
	for p.Alive() {
		time.Sleep(time.Millisecond)
	}
	if _, err := Read(pid); !errors.Is(err, ErrExited) {
		t.Errorf("a zombie: %v", err)
	}
	_ = cmd.Wait()
	if _, err := Read(pid); !errors.Is(err, ErrNotFound) {
		t.Errorf("collected: %v", err)
	}
}

// TestReadRace reads processes while they exit: whatever is returned is whole.
func TestReadRace(t *testing.T) {
	for range 100 {
		cmd := exec.Command("/bin/true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		for range 5 {
			p, err := Read(cmd.Process.Pid)
			switch {
			case err != nil && !errors.Is(err, ErrExited) && !errors.Is(err, ErrNotFound):
				t.Errorf("got %v", err)
			case err == nil && (p.Runtime == nil || p.Executable == "" || p.Namespaces.Net == 0):
				t.Errorf("half-filled: %+v", p)
			}
		}
		<-done
	}
}

func TestReadKernelThread(t *testing.T) {
	st, err := FS{}.stat(2)
	if err != nil || st.flags&pfKthread == 0 {
		t.Skip("no kernel threads are visible: this pid namespace is not the first")
	}
	if _, err := Read(2); !errors.Is(err, ErrKernelThread) {
		t.Errorf("got %v", err)
	}
}

func TestFindPython(t *testing.T) {
	python := "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no " + python)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := start(t, nil, python, "-m", "http.server", "--bind", "127.0.0.1", strconv.Itoa(port))
	var found []*Process
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if found, err = Find(Selector{Port: port}); err == nil {
			break
		}
	}
	if err != nil || len(found) != 1 || found[0].PID != cmd.Process.Pid {
		t.Fatalf("got %v, %v", found, err)
	}
	p := found[0]
	if p.ServiceName() != "http.server" || p.Runtime.Kind != "python" || strings.Count(p.Runtime.Version, ".") < 1 {
		t.Errorf("name %q, runtime %+v", p.ServiceName(), p.Runtime)
	}
	sockets, err := p.Sockets()
	if err != nil || len(sockets) != 1 || !sockets[0].Listening || int(sockets[0].Local.Port()) != port {
		t.Errorf("sockets %+v, %v", sockets, err)
	}
	byExe, err := Find(Selector{Exe: "python3*", Port: port})
	if err != nil || len(byExe) != 1 {
		t.Errorf("by executable: %v, %v", byExe, err)
	}
	for _, l := range p.Libraries {
		if strings.HasPrefix(l.Path, "/usr/lib") || strings.HasPrefix(l.Path, "/lib") {
			f, err := os.Open(p.LibraryHandle(l))
			if err != nil {
				t.Errorf("opening %s: %v", l.Path, err)
				continue
			}
			f.Close()
		}
	}
}

// TestVersions reads the version of each runtime that this machine has.
func TestVersions(t *testing.T) {
	for _, tt := range []struct{ kind, exe string }{{"node", "/usr/bin/node"}, {"java", "/usr/bin/jshell"}} {
		t.Run(tt.kind, func(t *testing.T) {
			if _, err := os.Stat(tt.exe); err != nil {
				t.Skip("no " + tt.exe)
			}
			cmd := start(t, nil, tt.exe)
			var p *Process
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				var err error
				if p, err = Read(cmd.Process.Pid); err == nil && p.Runtime.Version != "" {
					break
				}
			}
			if p == nil || p.Runtime.Kind != tt.kind || strings.Count(p.Runtime.Version, ".") < 2 {
				t.Errorf("got %+v", p)
			} else {
				t.Logf("%+v", *p.Runtime)
			}
		})
	}
}
