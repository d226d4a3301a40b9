package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCoreUsage: what cannot be done is one sentence and the right exit status.
func TestCoreUsage(t *testing.T) {
	r := newRig(t)
	unknown := r.write("unknown.yaml", "no_such_key: 1\n")
	broken := r.write("broken.yaml", "pids: [1\n")
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"a PID of nobody", []string{"trace", "--pid", number(gone.Process.Pid)}, 1, "no process"},
		{"a PID beyond all", []string{"trace", "--pid", "99999999"}, 1, "no process"},
		{"run, a PID of nobody", []string{"run", "--pid", "99999999"}, 1, "no process"},
		{"a kernel thread", []string{"trace", "--pid", kernelThread(r)}, 1, "kernel thread"},
		{"a PID that is none", []string{"trace", "--pid", "x"}, 2, "pid"},
		{"a negative PID", []string{"trace", "--pid", "-5"}, 2, "-5"},
		{"PID 0", []string{"trace", "--pid", "0"}, 2, ""},
		{"an unknown flag", []string{"trace", "--no-such-flag"}, 2, "no-such-flag"},
		{"an unknown command", []string{"watch"}, 2, "watch"},
		{"no command", nil, 2, ""},
		{"no target", []string{"trace"}, 2, "--pid"},
		{"run without target", []string{"run"}, 2, "--pid"},
		{"an unknown form", []string{"trace", "-o", "xml", "--pid", "1"}, 2, "xml"},
		{"an unknown flavour", []string{"trace", "--flavour", "vanilla", "--pid", number(os.Getpid())}, 2, "vanilla"},
		{"a port of nobody", []string{"trace", "--port", number(r.freePort())}, 1, "port"},
		{"a port that is none", []string{"trace", "--port", "70000"}, 2, "70000"},
		{"an executable of nobody", []string{"trace", "--exe", "no-such-program-*"}, 1, "no-such-program"},
		{"a bad glob", []string{"trace", "--exe", "[a"}, 2, "[a"},
		{"a command that is not there", []string{"trace", "--", "/no/such/command"}, 1, "/no/such/command"},
		{"an unknown key", []string{"run", "--config", unknown, "--pid", "1"}, 2, "no_such_key"},
		{"bad YAML", []string{"run", "--config", broken, "--pid", "1"}, 2, "broken.yaml"},
		{"no such file", []string{"run", "--config", "/no/such/file", "--pid", "1"}, 2, "/no/such/file"},
		{"an argument too many", []string{"run", "--port", "1", "surplus"}, 2, "surplus"},
		{"a bad duration", []string{"trace", "--pid", "1", "--duration", "soon"}, 2, "soon"},
		{"a negative count", []string{"trace", "--pid", "1", "--count", "-1"}, 2, "count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, errs := r.agentOnce(nil, c.args...)
			if status != c.status || !strings.Contains(errs, c.says) {
				t.Errorf("exit status %d instead of %d: %q", status, c.status, errs)
			}
			r.oneSentence(t, c.args, errs)
			if out != "" {
				t.Errorf("on its standard output: %q", out)
			}
		})
	}
}

// kernelThread finds one; where there is none to see, the test's own machine
// has no number 2.
func kernelThread(r *rig) string {
	r.Helper()
	if _, err := os.Stat("/proc/2"); err != nil {
		r.Skip("no kernel threads can be seen here")
	}
	return "2"
}

// oneSentence: an error is one line; only a call without command may explain
// itself at length.
func (r *rig) oneSentence(t *testing.T, args []string, errs string) {
	t.Helper()
	if len(args) == 0 {
		return
	}
	if n := strings.Count(strings.TrimSpace(errs), "\n"); n > 0 || !strings.HasPrefix(errs, "throughline: ") {
		t.Errorf("not one sentence: %q", errs)
	}
	if strings.Contains(errs, "goroutine ") || strings.Contains(errs, "panic") {
		t.Errorf("a panic: %s", errs)
	}
}

// agentOnce runs the agent with its arguments alone, to its end.
func (r *rig) agentOnce(credential *syscall.Credential, args ...string) (status int, out, errs string) {
	r.Helper()
	cmd := exec.Command(settings.binary, args...)
	if credential != nil {
		cmd.Path = r.binaryForAll()
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	stop := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	_ = cmd.Wait() // its status is looked at
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// binaryForAll is the agent where everybody may execute it.
func (r *rig) binaryForAll() string {
	r.Helper()
	dir, err := os.MkdirTemp("", "throughline-all-")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		r.Fatal(err)
	}
	path := filepath.Join(dir, "throughline")
	copyFile(r, settings.binary, path)
	return path
}

// TestCoreNoPermission: nobody gets one sentence that says what would help.
func TestCoreNoPermission(t *testing.T) {
	r := newRig(t)
	s := goSelf.start(r, "")
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	for _, args := range [][]string{
		{"trace", "--pid", number(s.pid())},
		{"trace", "--port", s.port()},
		{"trace", "--exe", "e2e*"},
		{"trace", "--", "/bin/true"},
		{"run", "--pid", number(s.pid())},
		{"run", "--port", s.port()},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			status, _, errs := r.agentOnce(nobody, args...)
			if status != 1 || !regexp.MustCompile(`root|CAP_|permission`).MatchString(errs) {
				t.Errorf("exit status %d: %q", status, errs)
			}
			r.oneSentence(t, args, errs)
		})
	}
}

// TestExitsWhileAttaching: targets that end at any moment are no trouble.
func TestExitsWhileAttaching(t *testing.T) {
	r := newRig(t)
	for i := range 12 {
		p := r.start(command{args: []string{"/bin/sleep", fmt.Sprintf("0.%02d", 3*i)}})
		agent := r.startAgent("trace", "-o", "json", "--pid", number(p.pid()))
		status := agent.wait(20 * time.Second)
		said := agent.said()
		switch {
		case status == 0 && tracing.MatchString(said):
		case status == 1 && strings.Contains(said, "exited") || strings.Contains(said, "no process"):
			r.oneSentence(t, []string{"trace"}, errorLines(said))
		default:
			t.Errorf("exit status %d: %s", status, said)
		}
	}
}

// errorLines are the lines that are no figures.
func errorLines(said string) string {
	var b strings.Builder
	for line := range strings.Lines(said) {
		if !strings.Contains(line, "; lost: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
