package probes

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// An optionCarrier carries joins to other hosts in a TCP option (bpf/tcp_option.bpf.c).
type optionCarrier struct {
	*cgroupHook

	listeners sync.Mutex
	saving    map[uint64]struct{} // inodes of the sockets that save SYNs for the agent
}

// newOptionCarrier is of the loaded object "tcp_option".
func newOptionCarrier(o *object, log *slog.Logger) *optionCarrier {
	return &optionCarrier{cgroupHook: newCgroupHook(o, "carry_joins", log), saving: map[uint64]struct{}{}}
}

// takeListeners lets the sockets on which the target has listened before it was one
// answer what is announced to them: of those the program is told when a connection is
// there, and then needs the SYN that the kernel has kept for it.
func (o *optionCarrier) takeListeners(target *process.Process) error {
	return eachListener(target, func(fd int, s process.Socket) error {
		if saves, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN); err != nil || saves != 0 {
			return err // the program's own wish
		}
		o.listeners.Lock()
		defer o.listeners.Unlock()
		o.saving[s.Inode] = struct{}{}
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1)
	})
}

// leaveListeners takes the sockets of takeListeners back to how they were, as far as the
// processes hold them.
func (o *optionCarrier) leaveListeners(pids []uint32) {
	for _, pid := range pids {
		p, err := process.Read(int(pid))
		if err != nil {
			continue // gone, and its sockets with it
		}
		err = eachListener(p, func(fd int, s process.Socket) error {
			o.listeners.Lock()
			defer o.listeners.Unlock()
			if _, ok := o.saving[s.Inode]; !ok {
				return nil
			}
			delete(o.saving, s.Inode)
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 0)
		})
		if err != nil {
			o.log.Debug("leaving sockets that listen", "pid", pid, "error", err)
		}
	}
}

// eachListener borrows the process's sockets that listen, one after the other.
func eachListener(p *process.Process, do func(fd int, s process.Socket) error) error {
	sockets, err := p.Sockets()
	if err != nil {
		return fmt.Errorf("listing the sockets of process %d: %w", p.PID, err)
	}
	pidfd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return fmt.Errorf("opening process %d: %w", p.PID, err)
	}
	defer unix.Close(pidfd)
	var errs []error
	for _, s := range sockets {
		if s.Unix || !s.Listening {
			continue
		}
		fd, err := borrow(pidfd, s)
		if errors.Is(err, errGone) {
			continue
		}
		if err == nil {
			err = do(fd, s)
			unix.Close(fd)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("borrowing the socket that listens on %s: %w", s.Local, err))
		}
	}
	return errors.Join(errs...)
}
