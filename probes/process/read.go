package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// maxFile bounds each of the small files of /proc, in bytes. The kernel caps a
// command line at a quarter of the stack limit, 2 MiB by default.
const maxFile = 4 << 20

// maxExecs is how often Read starts again when the program is replaced by
// another (execve) while it is being read.
const maxExecs = 5

// Read reads the process with the given number, as numbered in the pid
// namespace of the proc mount. It fails with an *Error of kind ErrNotFound,
// ErrKernelThread, ErrExited (also when the process goes while it is read) or
// ErrPermission.
func (fs FS) Read(pid int) (*Process, error) {
	for range maxExecs {
		p, err := fs.read(pid)
		if err != nil {
			return nil, fs.explain(pid, err)
		}
		after, err := fs.stat(pid)
		if err != nil || after.startTime != p.StartTime || after.exiting() {
			return nil, exited(pid)
		}
		exe, err := os.Readlink(fs.path(pid, "exe"))
		if err != nil {
			return nil, fs.explain(pid, err)
		}
		if path, _ := cutDeleted(exe); fs.insideRoot(pid, path) == p.Executable {
			return p, nil
		}
	}
	return nil, fmt.Errorf("reading process %d: its program changed %d times meanwhile", pid, maxExecs)
}

// read makes one pass. Its errors are raw.
func (fs FS) read(pid int) (*Process, error) {
	if pid <= 0 {
		return nil, notFound(pid)
	}
	st, err := fs.stat(pid)
	if err != nil {
		if gone(err) {
			return nil, notFound(pid)
		}
		return nil, err
	}
	status, err := fs.status(pid)
	if err != nil {
		return nil, err
	}
	switch {
	case status.tgid != pid:
		return nil, isThread(pid, status.tgid)
	case st.flags&pfKthread != 0:
		return nil, kernelThread(pid, st.comm)
	case st.zombie():
		return nil, zombie(pid, st.comm)
	}
	p := &Process{
		ID: ID{PID: pid, StartTime: st.startTime}, ParentPID: st.ppid, Comm: st.comm,
		ThreadCount: st.threads, UID: status.uid, Owner: ownerName(status.uid),
		NSPID: status.nspid, fs: fs,
	}
	for _, step := range []func(*Process) error{
		fs.readExecutable, fs.readArgs, fs.readEnv, fs.readCgroup, fs.readNamespaces, fs.readLibraries, fs.readRuntime,
	} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// explain turns a raw error into a sentence.
func (f FS) explain(pid int, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case gone(err), f.hasGone(pid):
		// Of a task that was just unlinked, files read as empty or as zeroes, and
		// links are refused (proc_pid_readlink in fs/proc/base.c).
		return exited(pid)
	case errors.Is(err, fs.ErrPermission):
		owner := "another user"
		if st, err := f.status(pid); err == nil {
			owner = ownerName(st.uid)
		}
		return denied(pid, owner)
	default:
		return fmt.Errorf("reading process %d: %w", pid, err)
	}
}

// hasGone says whether the number names no running process.
func (fs FS) hasGone(pid int) bool {
	st, err := fs.stat(pid)
	return gone(err) || err == nil && st.exiting()
}

func (fs FS) stat(pid int) (stat, error) {
	b, err := readSmall(fs.path(pid, "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(b)
}

func (fs FS) status(pid int) (status, error) {
	b, err := readSmall(fs.path(pid, "status"))
	if err != nil {
		return status{}, err
	}
	return parseStatus(b)
}

func (fs FS) readExecutable(p *Process) error {
	link, err := os.Readlink(fs.path(p.PID, "exe"))
	if err != nil {
		return err
	}
	path, deleted := cutDeleted(link)
	p.Executable, p.Deleted = fs.insideRoot(p.PID, path), deleted
	return nil
}

// insideRoot turns a path as the agent sees it into one as the process sees it
// after chroot. (Another mount namespace needs nothing: the kernel already gives
// the path from that namespace's own root.)
func (fs FS) insideRoot(pid int, path string) string {
	root, err := os.Readlink(fs.path(pid, "root"))
	if err != nil || root == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, root); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

func (fs FS) readArgs(p *Process) error {
	b, err := readSmall(fs.path(p.PID, "cmdline"))
	if err != nil {
		return err
	}
	p.Args = splitArgs(b)
	return nil
}

func (fs FS) readEnv(p *Process) error {
	f, err := os.Open(fs.path(p.PID, "environ"))
	if err != nil {
		return err
	}
	defer f.Close()
	p.Env, err = readOTELEnv(f)
	return err
}

func (fs FS) readNamespaces(p *Process) error {
	for name, dst := range map[string]*uint64{"pid": &p.Namespaces.PID, "net": &p.Namespaces.Net, "mnt": &p.Namespaces.Mount} {
		link, err := os.Readlink(fs.path(p.PID, "ns", name))
		if err != nil {
			return err
		}
		*dst = parseNamespace(link)
	}
	return nil
}

func (fs FS) readLibraries(p *Process) error {
	f, err := os.Open(fs.path(p.PID, "maps"))
	if err != nil {
		return err
	}
	defer f.Close()
	libraries, err := parseMaps(f)
	if err != nil {
		return err
	}
	for _, l := range libraries {
		l.Path = fs.insideRoot(p.PID, l.Path)
		if l.Path != p.Executable {
			p.Libraries = append(p.Libraries, l)
		}
	}
	return nil
}

// Threads lists the thread ids of a process.
func (fs FS) Threads(pid int) ([]int, error) {
	entries, err := os.ReadDir(fs.path(pid, "task"))
	if err != nil {
		return nil, fs.explain(pid, err)
	}
	var tids []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

func ownerName(uid int) string {
	digits := strconv.Itoa(uid)
	if u, err := user.LookupId(digits); err == nil {
		return u.Username
	}
	return digits
}

func cutDeleted(link string) (path string, deleted bool) {
	return strings.CutSuffix(link, " (deleted)")
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	return b, nil
}
