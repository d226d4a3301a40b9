package probes

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// takeOpen lets the connections that the target opened before it was one carry
// trace context too: the agent borrows each descriptor for as long as it takes
// to put the socket into the map (pidfd_getfd, Linux 5.6). What cannot be
// borrowed stays as it is.
func (i *injector) takeOpen(target *process.Process) error {
	sockets, err := target.Sockets()
	if err != nil {
		return fmt.Errorf("listing the sockets of process %d: %w", target.PID, err)
	}
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.Listening && !s.Unix {
			served[s.Local.Port()] = true
		}
	}
	pidfd, err := unix.PidfdOpen(target.PID, 0)
	if err != nil {
		return fmt.Errorf("opening process %d: %w", target.PID, err)
	}
	defer unix.Close(pidfd)
	var errs []error
	for _, s := range sockets {
		if s.Unix || s.Listening || served[s.Local.Port()] {
			continue // it answers requests on that one
		}
		if err := i.takeSocket(pidfd, s); err != nil && !errors.Is(err, errGone) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// errGone: the descriptor is not what it was when the sockets were listed.
var errGone = errors.New("closed meanwhile")

func (i *injector) takeSocket(pidfd int, s process.Socket) error {
	fd, err := unix.PidfdGetfd(pidfd, s.FD, 0)
	if errors.Is(err, unix.EBADF) {
		return errGone
	}
	if err != nil {
		return fmt.Errorf("borrowing the connection to %s: %w", s.Remote, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Ino != s.Inode {
		return errGone
	}
	if i.nonblockingOnly {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK == 0 {
			return nil
		}
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return fmt.Errorf("naming the connection to %s: %w", s.Remote, err)
	}
	socket := uint32(fd)
	err = i.sockets.Update(&cookie, &socket, ebpf.UpdateNoExist)
	switch {
	case errors.Is(err, ebpf.ErrKeyExist), errors.Is(err, unix.EOPNOTSUPP):
		return nil // in it already; or no longer established
	case err != nil:
		return fmt.Errorf("taking the connection to %s: %w", s.Remote, err)
	}
	return nil
}

// leave takes a socket out of the map: nothing will be put on the wire there.
func (i *injector) leave(cookie uint64) {
	_ = i.sockets.Delete(&cookie) // closed meanwhile is as good
}
