package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/throughline/throughline/probes/process"
)

// heldCommand is the agent's own name for "wait, then become COMMAND": a child
// that has to be a target before its first instruction.
const heldCommand = "exec-when-released"

// releaseFD is the descriptor on which the held child waits.
const releaseFD = 3

// A held is a command that has been forked and not yet executed.
type held struct {
	name    string
	cmd     *exec.Cmd
	release *os.File
	done    chan struct{} // closed when it has ended
	refused string        // why it could not be executed, read after done
	stopped time.Time     // when it was told to end
}

// A commandStatus is how a traced command ended, if it was not well.
type commandStatus struct {
	name   string
	status int
	how    string
}

func (s *commandStatus) Error() string { return s.name + " " + s.how }

// patience is how long a command has to end that was told to.
const patience = 2 * time.Second

// reportFD is the descriptor on which the held child says why it could not
// become the command. It is closed when it does.
const reportFD = 4

// holdCommand forks the command. release lets it begin; Close gives it up.
func holdCommand(command []string) (*held, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	defer read.Close()
	said, report, err := os.Pipe()
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	defer report.Close()
	cmd := exec.Command("/proc/self/exe", append([]string{heldCommand, path}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{read, report}
	if err := cmd.Start(); err != nil {
		write.Close()
		said.Close()
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	h := &held{name: filepath.Base(command[0]), cmd: cmd, release: write, done: make(chan struct{})}
	go func() {
		defer close(h.done)
		text, _ := io.ReadAll(io.LimitReader(said, 1<<12))
		said.Close()
		_ = cmd.Wait() // its state is looked at
		h.refused = string(text)
	}()
	return h, nil
}

func (h *held) pid() int { return h.cmd.Process.Pid }

// process describes the child as the command that it is about to be.
func (h *held) process() (*process.Process, error) {
	p, err := process.Read(h.pid())
	if err != nil {
		return nil, err
	}
	p.Executable, p.Args = h.cmd.Args[2], h.cmd.Args[3:]
	return p, nil
}

// ended waits until the command is gone, but not for long, and says how it
// ended if that was not well.
func (h *held) ended() error {
	select {
	case <-h.done:
	case <-time.After(patience):
		return nil
	}
	state := h.cmd.ProcessState
	if h.refused != "" {
		return errors.New(h.refused)
	}
	if state == nil || state.Success() {
		return nil
	}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return &commandStatus{h.name, 128 + int(w.Signal()), fmt.Sprintf("was ended by signal %d (%s)", w.Signal(), w.Signal())}
	}
	return &commandStatus{h.name, state.ExitCode(), fmt.Sprintf("ended with status %d", state.ExitCode())}
}

// isRefused tells whether it is known by now that it could not be executed.
func (h *held) isRefused() bool {
	select {
	case <-h.done:
		return h.refused != ""
	default:
		return false
	}
}

// settle waits for a command that was told to stop, and says if it did not.
func (h *held) settle(errs io.Writer) {
	select {
	case <-h.done:
	case <-time.After(time.Until(h.stopped.Add(patience))):
		fmt.Fprintf(errs, "throughline: process %d (%s) was told to end and still runs\n", h.pid(), h.name)
	}
}

func (h *held) begin() error {
	_, err := h.release.Write([]byte{1})
	h.release.Close()
	if err != nil {
		return fmt.Errorf("releasing the command: %w", err)
	}
	return nil
}

// stop ends the command if it still runs, as a terminal would.
func (h *held) stop() {
	h.release.Close()
	h.stopped = time.Now()
	_ = h.cmd.Process.Signal(syscall.SIGTERM) // it may be gone, which is what is wanted
}

// execHeld is what the child runs: args are the file and its arguments.
func execHeld(args []string) error {
	wait := os.NewFile(releaseFD, "release")
	n, _ := wait.Read(make([]byte, 1))
	wait.Close()
	if n == 0 || len(args) < 2 {
		return nil // the agent gave up
	}
	syscall.CloseOnExec(reportFD)
	err := syscall.Exec(args[0], args[1:], os.Environ())
	report := os.NewFile(reportFD, "report")
	defer report.Close()
	_, err = fmt.Fprintf(report, "executing %s: %v", args[0], err)
	return err // the agent says the rest
}
