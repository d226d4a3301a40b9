package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/throughline/throughline/test/vm/wire"
)

// machine is one boot: a kernel, a root, and the command to run.
type machine struct {
	kernel  kernel
	image   string
	guest   string // the init
	console string // where the kernel's messages go
	copies  []string
	env     []string
	command []string
	timeout time.Duration
}

// run boots the machine, passes on the command's output and gives its exit status.
func (m *machine) run(ctx context.Context, stdout, stderr io.Writer) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	initrd, err := os.CreateTemp(filepath.Dir(m.console), "initrd-")
	if err != nil {
		return exitBroken, err
	}
	defer os.Remove(initrd.Name())
	err = m.writeInitrd(initrd)
	initrd.Close()
	if err != nil {
		return exitBroken, fmt.Errorf("writing the initial file system: %w", err)
	}

	cmd := exec.CommandContext(ctx, "qemu-system-x86_64",
		// One thread runs both processors in turns. With a thread for each, QEMU
		// before 8.1 can keep the translation of an instruction that the other
		// processor has just rewritten: a breakpoint of the kernel's text_poke stays
		// for ever, and whoever attaches to a system call's tracepoint, without BPF
		// too, locks a 5.10 up and ends a 6.12 or 7 with "Oops: int3".
		"-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "2G",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", m.kernel.image, "-initrd", initrd.Name(),
		// Mitigations cost much under emulation and protect nobody here.
		"-append", "console=ttyS0 quiet panic=-1 reboot=t mitigations=off random.trust_cpu=on rdinit=/init",
		"-chardev", "file,id=console,path="+m.console, "-serial", "chardev:console",
		"-chardev", "stdio,id=frames,signal=off", "-serial", "chardev:frames",
		"-drive", "file="+m.image+",format=raw,if=virtio,snapshot=on",
	)
	// Should the harness be killed, its machine goes too.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	frames, err := cmd.StdoutPipe()
	if err != nil {
		return exitBroken, err
	}
	if err := cmd.Start(); err != nil {
		return exitBroken, err
	}
	status, err = m.follow(bufio.NewReader(frames), stdout, stderr)
	timedOut := ctx.Err()
	cancel() // nothing inside is worth an orderly end
	cmd.Wait()
	if timedOut != nil {
		err = timedOut
	}
	if err != nil {
		io.WriteString(stderr, m.lastWords(said.String()))
		return exitBroken, fmt.Errorf("running %s: %w", m.kernel.release, err)
	}
	return status, nil
}

func (m *machine) follow(frames io.Reader, stdout, stderr io.Writer) (status int, err error) {
	for {
		kind, data, err := wire.Read(frames)
		switch {
		case err != nil:
			return exitBroken, fmt.Errorf("the machine ended before its command: %w", err)
		case kind == wire.Stdout:
			stdout.Write(data)
		case kind == wire.Stderr:
			stderr.Write(data)
		case kind == wire.Fault:
			return exitBroken, fmt.Errorf("the guest failed: %s", data)
		case kind == wire.Exit && len(data) == 1:
			return int(data[0]), nil
		default:
			return exitBroken, fmt.Errorf("reading the guest's frames: one of kind %q", kind)
		}
	}
}

// lastWords are the emulator's messages and the end of the kernel's.
func (m *machine) lastWords(emulator string) string {
	console, err := os.ReadFile(m.console)
	if err != nil {
		return emulator
	}
	return emulator + string(console[max(0, len(console)-3000):]) + "\n"
}

func (m *machine) writeInitrd(w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	c := newCpio(buffered)
	init, err := os.ReadFile(m.guest)
	if err != nil {
		return err
	}
	c.file("/init", 0o755, init)
	c.dir("/dev")
	c.dir(wire.HostDir)
	job := wire.Job{Command: m.command, Env: m.env}
	for _, module := range m.kernel.modules {
		c.file(path.Join(wire.ModuleDir, module.name), 0o644, module.data)
		job.Modules = append(job.Modules, module.name)
	}
	b, err := job.Encode()
	if err != nil {
		return err
	}
	c.file(wire.JobPath, 0o644, b)
	for _, from := range m.copies {
		if err := c.copy(wire.HostDir, from); err != nil {
			return err
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	return buffered.Flush()
}
