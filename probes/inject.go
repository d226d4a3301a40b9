package probes

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// An injector puts trace context into what targets send. Its programs hang on
// the targets' own cgroups; a cgroup is let go when the agent ends.
type injector struct {
	log     *slog.Logger
	track   *ebpf.Program
	sockets *ebpf.Map
	drop    func() error

	nonblockingOnly bool

	mu      sync.Mutex
	cgroups map[uint64]cgroup // by the directory's inode: a path may be made anew
	refused map[uint64]string // their directories
}

// A cgroup is one whose connections are taken up.
type cgroup struct {
	dir  string
	link io.Closer
}

// newInjector attaches the programs of the loaded object "inject".
func newInjector(o *object, nonblockingOnly bool, log *slog.Logger) (*injector, error) {
	sockets := o.collection.Maps["inject_sockets"]
	program := o.collection.Programs["inject_request"]
	err := link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: sockets.FD(), Program: program, Attach: ebpf.AttachSkMsgVerdict,
	})
	if err != nil {
		return nil, fmt.Errorf("attaching inject_request to its sockets: %w", err)
	}
	return &injector{
		log:     log,
		track:   o.collection.Programs["track_connection"],
		sockets: sockets,

		nonblockingOnly: nonblockingOnly,
		drop: func() error {
			return link.RawDetachProgram(link.RawDetachProgramOptions{
				Target: sockets.FD(), Program: program, Attach: ebpf.AttachSkMsgVerdict,
			})
		},
		cgroups: map[uint64]cgroup{},
		refused: map[uint64]string{},
	}, nil
}

// ErrRootCgroup says that a target lives in the root of the cgroup hierarchy,
// where a program would be run for every process of the host.
var ErrRootCgroup = errors.New("the process is in the root cgroup: move it to one of its own, as systemd and container runtimes do")

// ErrAsksWaiting says that the process may wait for ever if its sockets are in a sockmap.
var ErrAsksWaiting = errors.New("the program asks by FIONREAD how much waits on a socket, and this kernel would answer 0; " +
	"later kernels do not")

// Inject lets the requests of a target and of those it forked carry trace
// context, as far as the kernel allows. The error says why they cannot.
func (p *Probes) Inject(target *process.Process) error {
	if p.inject == nil {
		return nil
	}
	if p.waiting.concerns(target) {
		return ErrAsksWaiting
	}
	if err := p.inject.add(target); err != nil {
		return err
	}
	if err := p.inject.takeOpen(target); err != nil {
		p.log.Debug("taking connections that are open", "pid", target.PID, "error", err)
	}
	for _, pid := range children(target) {
		child, err := process.Read(pid)
		if err == nil {
			err = p.Inject(child)
		}
		if err != nil {
			p.log.Debug("following a child", "pid", pid, "error", err)
		}
	}
	return nil
}

// Injecting tells whether trace context is put on the wire at all.
func (p *Probes) Injecting() bool { return p.inject != nil }

func (i *injector) add(target *process.Process) error {
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
	i.mu.Lock()
	defer i.mu.Unlock()
	_, attached := i.cgroups[id]
	if _, refused := i.refused[id]; attached || refused {
		return nil
	}
	i.forgetGone()
	l, err := link.AttachCgroup(link.CgroupOptions{
		Path: target.CgroupDir, Attach: ebpf.AttachCGroupSockOps, Program: i.track,
	})
	if err != nil {
		i.refused[id] = target.CgroupDir
		return fmt.Errorf("attaching track_connection to cgroup %s: %w", target.Cgroup, err)
	}
	i.cgroups[id] = cgroup{dir: target.CgroupDir, link: l}
	return nil
}

// forgetGone lets go of cgroups whose directory is no more, or is another one.
func (i *injector) forgetGone() {
	gone := func(id uint64, dir string) bool {
		now, err := inode(dir)
		return errors.Is(err, os.ErrNotExist) || err == nil && now != id
	}
	for id, c := range i.cgroups {
		if gone(id, c.dir) {
			if err := c.link.Close(); err != nil {
				i.log.Debug("letting go of a cgroup", "dir", c.dir, "error", err)
			}
			delete(i.cgroups, id)
		}
	}
	maps.DeleteFunc(i.refused, gone)
}

func inode(dir string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return 0, err
	}
	return s.Ino, nil
}

// follow takes up a child that may have been moved to another cgroup.
func (i *injector) follow(pid int) {
	p, err := process.Read(pid)
	if err != nil {
		return
	}
	if err := i.add(p); err != nil && !errors.Is(err, ErrRootCgroup) && !errors.Is(err, process.ErrNoCgroup2) {
		i.log.Warn("following a child", "pid", pid, "error", err)
	}
}

// Close lets go of the cgroups and takes the sockets back to how they were.
func (i *injector) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	var errs []error
	for _, c := range i.cgroups {
		errs = append(errs, c.link.Close())
	}
	errs = append(errs, i.drop())
	return errors.Join(errs...)
}
