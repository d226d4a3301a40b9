// Command guest is the init of a test machine: it makes the machine usable,
// runs one command, and tells the host what the command said and how it ended.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/test/vm/wire"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "facts" {
		if err := facts(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "guest:", err)
			os.Exit(1)
		}
		return
	}
	serial, err := openSerial()
	if err != nil {
		// Nobody hears it but the console's reader.
		fmt.Fprintln(os.Stderr, "guest:", err)
		halt()
	}
	host := wire.NewWriter(serial)
	status, err := run(host)
	if err != nil {
		host.Write(wire.Fault, []byte(err.Error()))
	} else {
		host.Write(wire.Exit, []byte{byte(status)})
	}
	halt()
}

// halt never returns: the host ends the machine when it has read the last frame.
func halt() {
	time.Sleep(time.Minute)
	unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	select {}
}

func openSerial() (*os.File, error) {
	if err := mount("devtmpfs", "/dev", "devtmpfs"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(wire.SerialPath, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("reading the serial line's settings: %w", err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("setting the serial line raw: %w", err)
	}
	return f, nil
}

func run(host *wire.Writer) (status int, err error) {
	b, err := os.ReadFile(wire.JobPath)
	if err != nil {
		return 0, err
	}
	job, err := wire.DecodeJob(b)
	if err != nil {
		return 0, fmt.Errorf("reading the job: %w", err)
	}
	for _, name := range job.Modules {
		if err := loadModule(filepath.Join(wire.ModuleDir, name)); err != nil {
			return 0, err
		}
	}
	if err := enterRoot(); err != nil {
		return 0, err
	}
	if err := loopbackUp(); err != nil {
		return 0, err
	}
	return command(host, job)
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("loading %s: %w", path, err)
	}
	return nil
}

// enterRoot makes the disk the root, with the file systems that programs expect.
func enterRoot() error {
	const root = "/root"
	if err := waitFor("/dev/vda", 10*time.Second); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/dev/vda", root, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mounting the disk: %w", err)
	}
	if err := os.MkdirAll(root+wire.HostDir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(wire.HostDir, root+wire.HostDir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting the host's files: %w", err)
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(root, "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	for _, m := range []struct{ what, where, options string }{
		{"devtmpfs", "/dev", ""},
		{"devpts", "/dev/pts", ""},
		{"tmpfs", "/dev/shm", ""},
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"tmpfs", "/tmp", "mode=1777"},
		{"tmpfs", "/run", "mode=755"},
		{"securityfs", "/sys/kernel/security", ""},
		{"tracefs", "/sys/kernel/tracing", ""},
		{"debugfs", "/sys/kernel/debug", ""},
		{"bpf", "/sys/fs/bpf", ""},
		{"cgroup2", "/sys/fs/cgroup", ""},
	} {
		if err := mount(m.what, m.where, m.what, m.options); err != nil {
			return err
		}
	}
	return unix.Sethostname([]byte("throughline-vm"))
}

func mount(source, target, kind string, options ...string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var data string
	if len(options) > 0 {
		data = options[0]
	}
	if err := unix.Mount(source, target, kind, 0, data); err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("mounting %s at %s: %w", kind, target, err)
	}
	return nil
}

func waitFor(path string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(path)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("setting lo up: %w", err)
	}
	return nil
}

// command runs the job's command and, as every init does, waits for orphans too.
func command(host *wire.Writer, job wire.Job) (status int, err error) {
	const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	os.Setenv("PATH", path)
	env := append([]string{
		"PATH=" + path,
		"HOME=/root", "TMPDIR=/tmp", "LANG=C.UTF-8", "USER=root",
	}, job.Env...)
	if err := os.Chdir(wire.HostDir); err != nil {
		return 0, err
	}
	program, err := exec.LookPath(job.Command[0])
	if err != nil {
		return 0, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	var copies sync.WaitGroup
	pipe := func(kind wire.Kind) (*os.File, error) {
		r, w, err := os.Pipe()
		if err == nil {
			copies.Go(func() { host.Copy(kind, r) })
		}
		return w, err
	}
	stdout, err := pipe(wire.Stdout)
	if err != nil {
		return 0, err
	}
	stderr, err := pipe(wire.Stderr)
	if err != nil {
		return 0, err
	}
	pid, err := syscall.ForkExec(program, job.Command, &syscall.ProcAttr{
		Dir:   wire.HostDir,
		Env:   env,
		Files: []uintptr{null.Fd(), stdout.Fd(), stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", program, err)
	}
	stdout.Close()
	stderr.Close()
	for {
		var w syscall.WaitStatus
		switch got, err := syscall.Wait4(-1, &w, 0, nil); {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("waiting: %w", err)
		case got != pid:
			continue
		}
		drain(&copies)
		if w.Signaled() {
			return 128 + int(w.Signal()), nil
		}
		return w.ExitStatus(), nil
	}
}

// drain waits for the last output. A daemon left behind may hold the pipes open.
func drain(copies *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		copies.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
}
