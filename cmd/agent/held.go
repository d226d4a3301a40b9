package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// heldCommand is the agent's own name for "wait, then become COMMAND": a child
// that has to be a target before its first instruction.
const heldCommand = "exec-when-released"

// releaseFD is the descriptor on which the held child waits.
const releaseFD = 3

// A held is a command that has been forked and not yet executed.
type held struct {
	cmd     *exec.Cmd
	release *os.File
	done    chan error
}

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
	cmd := exec.Command("/proc/self/exe", append([]string{heldCommand, path}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{read}
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("starting %s: %w", command[0], err)
	}
	h := &held{cmd: cmd, release: write, done: make(chan error, 1)}
	go func() { h.done <- cmd.Wait() }()
	return h, nil
}

func (h *held) pid() int { return h.cmd.Process.Pid }

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
	if err := syscall.Exec(args[0], args[1:], os.Environ()); err != nil {
		return fmt.Errorf("executing %s: %w", args[0], err)
	}
	return nil
}
