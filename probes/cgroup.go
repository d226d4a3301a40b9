package probes

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// A cgroupHook hangs a sockops program on the targets' own cgroups. A cgroup is let go
// when the agent ends.
type cgroupHook struct {
	log     *slog.Logger
	name    string
	program *ebpf.Program

	mu      sync.Mutex
	cgroups map[uint64]cgroup // by the directory's inode: a path may be made anew
	refused map[uint64]string // their directories
}

// A cgroup is one whose connections are taken up.
type cgroup struct {
	dir  string
	link io.Closer
}

// newCgroupHook takes the program of that name from a loaded object.
func newCgroupHook(o *object, name string, log *slog.Logger) *cgroupHook {
	return &cgroupHook{
		log: log, name: name, program: o.collection.Programs[name],
		cgroups: map[uint64]cgroup{}, refused: map[uint64]string{},
	}
}

// ErrRootCgroup says that a target lives in the root of the cgroup hierarchy,
// where a program would be run for every process of the host.
var ErrRootCgroup = errors.New("the process is in the root cgroup: move it to one of its own, as systemd and container runtimes do")

func (h *cgroupHook) add(target *process.Process) error {
	switch target.Cgroup {
	case "":
		return process.ErrNoCgroup2
	case "/":
		return ErrRootCgroup
	}
	id, err := inode(target.CgroupDir)
	if err != nil {
		return fmt.Errorf("looking at cgroup %s: %w", target.Cgroup, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, refused := h.refused[id]; refused || h.covers(target.CgroupDir) {
		return nil
	}
	h.forgetGone()
	l, err := link.AttachCgroup(link.CgroupOptions{
		Path: target.CgroupDir, Attach: ebpf.AttachCGroupSockOps, Program: h.program,
	})
	if err != nil {
		h.refused[id] = target.CgroupDir
		return fmt.Errorf("attaching %s to cgroup %s: %w", h.name, target.Cgroup, err)
	}
	h.cgroups[id] = cgroup{dir: target.CgroupDir, link: l}
	h.letGo(func(other uint64, dir string) bool { return other != id && inside(dir, target.CgroupDir) })
	return nil
}

// covers tells whether the program runs for the sockets of a cgroup already: it does
// where it hangs, and below.
func (h *cgroupHook) covers(dir string) bool {
	for id, c := range h.cgroups {
		if now, err := inode(c.dir); err == nil && now == id && inside(dir, c.dir) {
			return true
		}
	}
	return false
}

func inside(dir, outer string) bool { return strings.HasPrefix(dir+"/", outer+"/") }

// forgetGone lets go of cgroups whose directory is no more, or is another one.
func (h *cgroupHook) forgetGone() {
	gone := func(id uint64, dir string) bool {
		now, err := inode(dir)
		return errors.Is(err, os.ErrNotExist) || err == nil && now != id
	}
	h.letGo(gone)
	maps.DeleteFunc(h.refused, gone)
}

// letGo lets go of the cgroups for which which holds.
func (h *cgroupHook) letGo(which func(id uint64, dir string) bool) {
	for id, c := range h.cgroups {
		if !which(id, c.dir) {
			continue
		}
		if err := c.link.Close(); err != nil {
			h.log.Debug("letting go of a cgroup", "dir", c.dir, "error", err)
		}
		delete(h.cgroups, id)
	}
}

func inode(dir string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return 0, err
	}
	return s.Ino, nil
}

// follow takes up a child that may have been moved to another cgroup.
func (h *cgroupHook) follow(pid int) {
	p, err := process.Read(pid)
	if err != nil {
		return
	}
	if err := h.add(p); err != nil && !errors.Is(err, ErrRootCgroup) && !errors.Is(err, process.ErrNoCgroup2) {
		h.log.Warn("following a child", "pid", pid, "error", err)
	}
}

// Close lets go of every cgroup.
func (h *cgroupHook) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, c := range h.cgroups {
		errs = append(errs, c.link.Close())
	}
	return errors.Join(errs...)
}
