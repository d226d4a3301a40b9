package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// open makes a client's socket.
func open(s socket) (fd int, err error) {
	kind := unix.SOCK_STREAM | unix.SOCK_CLOEXEC
	if s.nonBlocking {
		kind |= unix.SOCK_NONBLOCK
	}
	if fd, err = unix.Socket(unix.AF_INET, kind, 0); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if !s.delayed {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if s.sendBuffer > 0 && err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, s.sendBuffer)
	}
	if s.zerocopy == beforeConnect && err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

// connect connects from the stream's own address. With fast open the first call
// that sends does so.
func (x *talker) connect() error {
	if err := unix.Bind(x.fd, &unix.SockaddrInet4{Addr: sourceOf(x.number)}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if x.plan.socket.fastOpen {
		return nil
	}
	err := unix.Connect(x.fd, x.peer())
	if err == unix.EINPROGRESS {
		if err = x.await(unix.POLLOUT); err != nil {
			return err
		}
		var code int
		if code, err = unix.GetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
			err = unix.Errno(code)
		}
	}
	if err != nil {
		return os.NewSyscallError("connect", err)
	}
	if x.plan.socket.zerocopy == afterConnect {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(x.fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1))
	}
	return nil
}

func (x *talker) peer() unix.Sockaddr {
	return &unix.SockaddrInet4{Port: x.client.port, Addr: [4]byte{127, 0, 0, 1}}
}

// await polls until one of the events is there, or the end.
func (x *talker) await(events int16) error {
	_, err := x.poll(events)
	return err
}

// poll is await, and tells what is there.
func (x *talker) poll(events int16) (is int16, err error) {
	for {
		fds := []unix.PollFd{{Fd: int32(x.fd), Events: events}}
		n, err := unix.Poll(fds, -1)
		if err == unix.EINTR || err == nil && n == 0 {
			continue
		}
		return fds[0].Revents, os.NewSyscallError("poll", err)
	}
}

func shutdown(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) }

// disconnect wakes whoever waits for the socket.
func disconnect(fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }

// resetOnClose makes closing the socket a reset.
func resetOnClose(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
}

func closeSocket(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

// receive receives something, in the stream's way; 0 is the end. A blocked call
// that ends with EAGAIN, where something else may have woken it, is counted and
// done again.
func (x *talker) receive(to []byte) (int, error) {
	for {
		n, err := x.receiveOnce(to)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && x.overdue.Load():
			return 0, fmt.Errorf("receiving: %w", err)
		case err == unix.EAGAIN && x.plan.socket.nonBlocking:
			if err := x.await(unix.POLLIN); err != nil {
				return 0, err
			}
		case err == unix.EAGAIN && x.wakes():
			x.sum.Again++
		case err == unix.EAGAIN:
			return 0, breaches(different, "a blocked receive that only data can wake ends with EAGAIN")
		case err != nil:
			return 0, fmt.Errorf("receiving: %w", err)
		default:
			return n, nil
		}
	}
}

// wakes tells whether something other than data may wake who waits for some: the
// answer to its own FIN, a reset, or a notification.
func (x *talker) wakes() bool {
	return x.ended || x.plan.ending == serverResets || x.plan.socket.zerocopy != never
}

func (x *talker) receiveOnce(to []byte) (int, error) {
	switch x.plan.socket.hears {
	case hearRead:
		return unix.Read(x.fd, to)
	case hearReadv:
		half := len(to) / 2
		return unix.Readv(x.fd, [][]byte{to[:half], nil, to[half:]})
	case hearPeek:
		peeked, err := recv(x.fd, to, unix.MSG_PEEK)
		if err != nil || peeked == 0 {
			return peeked, err
		}
		seen := string(to[:peeked])
		n, err := recv(x.fd, to[:peeked], 0)
		if err == nil && string(to[:n]) != seen[:n] {
			return 0, breaches(different, "%q arrives, and %q before by MSG_PEEK", clip(to[:n]), clip([]byte(seen)))
		}
		return n, err
	case hearAll:
		return recv(x.fd, to, unix.MSG_WAITALL)
	case hearPoll:
		if err := x.await(unix.POLLIN); err != nil {
			return 0, err
		}
		n, err := recv(x.fd, to, unix.MSG_DONTWAIT)
		if err == unix.EAGAIN {
			err = unix.EINTR // whatever woke it: it polls again
		}
		return n, err
	case hearTold:
		return x.receiveTold(to)
	}
	return recv(x.fd, to, 0)
}

// receiveTold receives what FIONREAD tells of. That there is nothing, where
// something is, is counted.
func (x *talker) receiveTold(to []byte) (int, error) {
	is, err := x.poll(unix.POLLIN)
	if err != nil {
		return 0, err
	}
	told, err := unix.IoctlGetInt(x.fd, unix.TIOCINQ)
	if err != nil {
		return 0, err
	}
	if told > 0 {
		to = to[:min(told, len(to))]
	}
	n, err := recv(x.fd, to, unix.MSG_DONTWAIT)
	if err == unix.EAGAIN {
		return 0, unix.EINTR
	}
	if n > 0 && told == 0 && is&unix.POLLIN != 0 {
		x.sum.Untold++
	}
	if err == nil && told > 0 && n != len(to) {
		return 0, breaches(different, "FIONREAD tells of %d bytes, and %d are there", told, n)
	}
	return n, err
}
