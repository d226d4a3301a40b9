package probes

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/throughline/throughline/probes/process"
)

// An injector puts trace context into what targets send. Its programs hang on
// the targets' own cgroups.
type injector struct {
	*cgroupHook
	sockets *ebpf.Map
	drop    func() error

	nonblockingOnly bool
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
		cgroupHook: newCgroupHook(o, "track_connection", log),
		sockets:    sockets,

		nonblockingOnly: nonblockingOnly,
		drop: func() error {
			return link.RawDetachProgram(link.RawDetachProgramOptions{
				Target: sockets.FD(), Program: program, Attach: ebpf.AttachSkMsgVerdict,
			})
		},
	}, nil
}

// ErrAsksWaiting says that the process may wait for ever if its sockets are in a sockmap.
var ErrAsksWaiting = errors.New("the program asks by FIONREAD how much waits on a socket, and this kernel would answer 0; " +
	"later kernels do not")

// Inject lets the requests of a target and of those it forked carry trace
// context, as far as the kernel allows. The error says why they cannot.
func (p *Probes) Inject(target *process.Process) error {
	if p.inject == nil && p.option == nil {
		return nil
	}
	if p.option != nil {
		if err := p.option.add(target); err != nil {
			return err
		}
	}
	if p.inject != nil {
		if p.waiting.concerns(target) {
			return ErrAsksWaiting
		}
		if err := p.inject.add(target); err != nil {
			return err
		}
		if err := p.inject.takeOpen(target); err != nil {
			p.log.Debug("taking connections that are open", "pid", target.PID, "error", err)
		}
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

// followCgroup takes up a child that may have been moved to another cgroup.
func (p *Probes) followCgroup(pid int) {
	if p.inject != nil {
		p.inject.follow(pid)
	}
	if p.option != nil {
		p.option.follow(pid)
	}
}

// Injecting tells whether headers are put on the wire at all.
func (p *Probes) Injecting() bool { return p.inject != nil }

// Close lets go of the cgroups and takes the sockets back to how they were.
func (i *injector) Close() error {
	return errors.Join(i.cgroupHook.Close(), i.drop())
}
