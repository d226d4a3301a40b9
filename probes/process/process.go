// Package process tells what a process is, from /proc alone: its identity,
// executable, runtime, cgroup, container, namespaces, sockets, and the name and
// OpenTelemetry resource under which its spans are exported. It reads; it never
// attaches to, signals or changes a process.
package process

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/throughline/throughline/probes/process/runtime"
)

// FS is a proc file system. The zero value reads /proc.
type FS struct {
	// Root is where the proc file system is mounted; "" means /proc.
	Root string
}

// ID names one process for as long as the host is up: numbers are reused, the
// pair of number and start time is not.
type ID struct {
	PID int
	// StartTime is in clock ticks (1/100 s on Linux) after boot, field 22 of
	// /proc/PID/stat.
	StartTime uint64
}

// Namespaces holds the inode numbers of a process's namespaces; 0 is unknown.
type Namespaces struct {
	PID, Net, Mount uint64
}

// Process is a snapshot of one thread group. Read fills all of it or nothing.
type Process struct {
	ID
	// ParentPID is the thread group that forked it, or its reaper.
	ParentPID int
	// Comm is the kernel's name of the main thread, at most 15 bytes.
	Comm string
	// ThreadCount is the number of its threads, the main one included.
	ThreadCount int
	// UID is its effective user, Owner that user's name on this host (digits
	// when it has none).
	UID   int
	Owner string
	// NSPID is its number in each pid namespace, outermost first.
	NSPID []int
	// Executable is the path as seen in its own mount namespace; Deleted says
	// that the file has no name any more (an upgrade while it runs).
	Executable string
	Deleted    bool
	// Args is the command line. Arguments may hold secrets: no part of it but
	// the first leaves the agent.
	Args []string
	// Env holds the OTEL_* variables of its own environment, and no others.
	Env map[string]string
	// Cgroup is its path in the cgroup v2 hierarchy, "" without one; CgroupDir
	// is that cgroup as a directory that the agent can open, or "".
	Cgroup    string
	CgroupDir string
	// ContainerID is the container's full id, "" outside a container.
	ContainerID string
	Namespaces  Namespaces
	// Libraries are the files mapped executable, the program itself excluded.
	Libraries []Library
	// Runtime is what executes the program; never nil.
	Runtime *runtime.Runtime

	fs FS
}

// Library is a file mapped executable into a process.
type Library struct {
	// Path is as seen in the process's own mount namespace.
	Path    string
	Deleted bool
	// Start and End are the addresses of its first executable mapping.
	Start, End uint64
	// Device (major:minor, in hexadecimal) and Inode name the file for good.
	Device string
	Inode  uint64
}

// Read reads the process from /proc.
func Read(pid int) (*Process, error) { return FS{}.Read(pid) }

// Path returns a path below /proc/PID that the agent can open.
func (p *Process) Path(elem ...string) string {
	return p.fs.path(p.PID, elem...)
}

// ExecutableHandle returns the path by which the agent opens the executable,
// whichever mount namespace it lives in and even when it was deleted.
func (p *Process) ExecutableHandle() string { return p.Path("exe") }

// LibraryHandle returns the path by which the agent opens a mapped library: the
// exact mapping where the kernel allows it (CAP_SYS_ADMIN or
// CAP_CHECKPOINT_RESTORE), else its path below the process's root.
func (p *Process) LibraryHandle(l Library) string {
	mapped := p.Path("map_files", strconv.FormatUint(l.Start, 16)+"-"+strconv.FormatUint(l.End, 16))
	if f, err := os.Open(mapped); err == nil {
		f.Close()
		return mapped
	}
	return p.Path("root", l.Path)
}

// OpenExecutable opens the program's file for reading.
func (p *Process) OpenExecutable() (*os.File, error) {
	return os.Open(p.ExecutableHandle())
}

// Alive says whether the process still runs under the same identity.
func (p *Process) Alive() bool {
	st, err := p.fs.stat(p.PID)
	return err == nil && st.startTime == p.StartTime && !st.exiting()
}

// Gone says whether nothing of the process is left. Unlike Alive it counts one
// in whose main thread alone has exited; a StartTime of 0 is any.
func (p *Process) Gone() bool {
	st, err := p.fs.stat(p.PID)
	if err != nil {
		return gone(err)
	}
	return p.StartTime != 0 && st.startTime != p.StartTime || st.zombie() && st.threads <= 1
}

func (fs FS) root() string {
	if fs.Root == "" {
		return "/proc"
	}
	return fs.Root
}

func (fs FS) path(pid int, elem ...string) string {
	return filepath.Join(append([]string{fs.root(), strconv.Itoa(pid)}, elem...)...)
}
