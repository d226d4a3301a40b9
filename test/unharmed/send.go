package main

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call sends text in the call's way. What the kernel leaves is sent by a second
// call; a blocking one has to take everything.
func (x *talker) call(c call, text []byte) error {
	if x.plan.socket.fastOpen && x.sum.Sent == 0 {
		return x.open(text)
	}
	if c.way == waySendfile {
		return x.sendfile(c.from, len(text))
	}
	if c.way == waySplice {
		return x.splice(text)
	}
	parts := c.parts
	for len(text) > 0 {
		n, err := x.callOnce(c.way, text, parts)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && x.plan.socket.nonBlocking:
			if err := x.await(unix.POLLOUT); err != nil {
				return err
			}
			continue
		case err == unix.ENOBUFS && c.way == wayZerocopy:
			c.way = waySend // as the kernel's documentation asks for
			continue
		case err != nil:
			return fmt.Errorf("sending %d bytes: %w", len(text), err)
		case n > len(text):
			return breaches(different, "a call took %d bytes of %d", n, len(text))
		case n < len(text) && !x.plan.socket.nonBlocking && c.way != waySendmmsg:
			return breaches(different, "a blocking call took %d bytes of %d", n, len(text))
		}
		text, parts = text[n:], nil
	}
	return nil
}

func (x *talker) callOnce(w way, text []byte, parts []int) (int, error) {
	switch w {
	case wayWrite:
		return unix.Write(x.fd, text)
	case wayWritev:
		return unix.Writev(x.fd, divide(text, parts))
	case waySendmsg:
		return unix.SendmsgBuffers(x.fd, divide(text, parts), nil, nil, unix.MSG_NOSIGNAL)
	case waySendmmsg:
		return sendmmsg(x.fd, divide(text, parts))
	case wayMore:
		return send(x.fd, text, unix.MSG_MORE)
	case wayUrgent:
		return send(x.fd, text, unix.MSG_OOB)
	case wayZerocopy:
		n, err := send(x.fd, text, unix.MSG_ZEROCOPY)
		if err == nil {
			x.zero.sent++
		}
		return n, err
	}
	return send(x.fd, text, 0)
}

// divide cuts text into parts of the sizes, and the rest.
func divide(text []byte, sizes []int) [][]byte {
	var all [][]byte
	for _, n := range sizes {
		n = min(n, len(text))
		all = append(all, text[:n])
		text = text[n:]
		if len(all) == 1023 { // IOV_MAX, with the rest
			break
		}
	}
	return append(all, text)
}

// send is send(2), of which package unix does not tell how much it took.
func send(fd int, text []byte, flags int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(len(text)),
		uintptr(flags|unix.MSG_NOSIGNAL), 0, 0)
	return result(n, errno)
}

func recv(fd int, to []byte, flags int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(to))), uintptr(len(to)),
		uintptr(flags), 0, 0)
	return result(n, errno)
}

func result(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// sendmmsg sends each part as a message and returns how many bytes were taken, of
// the last message that was, perhaps not all.
func sendmmsg(fd int, parts [][]byte) (int, error) {
	type message struct { // struct mmsghdr
		header unix.Msghdr
		length uint32
		_      [4]byte
	}
	messages := make([]message, 0, len(parts))
	vectors := make([]unix.Iovec, len(parts))
	for i, p := range parts {
		if len(p) == 0 {
			continue
		}
		vectors[i].Base = unsafe.SliceData(p)
		vectors[i].SetLen(len(p))
		m := message{}
		m.header.Iov = &vectors[i]
		m.header.SetIovlen(1)
		messages = append(messages, m)
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(messages))), uintptr(len(messages)),
		unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	taken := 0
	for i, m := range messages[:n] {
		taken += int(m.length)
		if i < int(n)-1 && uint64(m.length) != m.header.Iov.Len {
			return 0, breaches(different, "sendmmsg took %d bytes of %d of a message, and then another one", m.length, m.header.Iov.Len)
		}
	}
	return taken, nil
}

// open connects and sends in one call.
func (x *talker) open(text []byte) error {
	n, err := unix.SendmsgN(x.fd, text, nil, x.peer(), unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
	if err != nil {
		return fmt.Errorf("connecting with %d bytes: %w", len(text), err)
	}
	x.sum.Sent++ // whatever was taken, it is connected
	defer func() { x.sum.Sent-- }()
	if n == len(text) {
		return nil
	}
	return x.call(call{way: waySend, n: len(text) - n}, text[n:])
}

// sendfile sends n bytes of the pool's file.
func (x *talker) sendfile(from, n int) error {
	at := int64(from)
	return x.moveAll("sendfile", n, func(left int) (int, error) {
		return unix.Sendfile(x.fd, int(x.client.file.Fd()), &at, left)
	})
}

// moveAll calls what moves bytes to the socket until all n are there.
func (x *talker) moveAll(name string, n int, move func(left int) (took int, err error)) error {
	for n > 0 {
		took, err := move(n)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && x.plan.socket.nonBlocking:
			if err := x.await(unix.POLLOUT); err != nil {
				return err
			}
		case err != nil:
			return os.NewSyscallError(name, err)
		case took == 0 || took > n:
			return breaches(different, "%s took %d bytes of %d", name, took, n)
		default:
			n -= took
		}
	}
	return nil
}

// splice sends text by way of a pipe.
func (x *talker) splice(text []byte) (err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	defer func() { err = errors.Join(err, unix.Close(pipe[0]), unix.Close(pipe[1])) }()
	for len(text) > 0 {
		n, err := unix.Write(pipe[1], text[:min(len(text), 32<<10)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("write", err)
		}
		text = text[n:]
		flags := 0
		if len(text) > 0 {
			flags = unix.SPLICE_F_MORE
		}
		if err := x.moveAll("splice", n, func(left int) (int, error) {
			took, err := unix.Splice(pipe[0], nil, x.fd, nil, left, flags)
			return int(took), err
		}); err != nil {
			return err
		}
	}
	return nil
}

// zeroCounts are calls with MSG_ZEROCOPY, and the notifications of them.
type zeroCounts struct{ sent, told int }

// awaitZerocopy waits until the kernel has told of each call with MSG_ZEROCOPY, and
// counts what it tells otherwise than once and in order, as
// Documentation/networking/msg_zerocopy.rst has it.
func (x *talker) awaitZerocopy() error {
	control := make([]byte, 128)
	for x.zero.told < x.zero.sent {
		_, n, _, _, err := unix.Recvmsg(x.fd, nil, control, unix.MSG_ERRQUEUE)
		if err == unix.EAGAIN && !x.overdue.Load() {
			time.Sleep(pause)
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for notification %d of %d: %w", x.zero.told, x.zero.sent, err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			return fmt.Errorf("reading notification %d: %w", x.zero.told, err)
		}
		for _, m := range messages {
			if m.Header.Level != unix.SOL_IP || m.Header.Type != unix.IP_RECVERR {
				continue
			}
			told := (*unix.SockExtendedErr)(unsafe.Pointer(unsafe.SliceData(m.Data)))
			if told.Origin != unix.SO_EE_ORIGIN_ZEROCOPY {
				return breaches(different, "a notification of origin %d", told.Origin)
			}
			if int(told.Info) != x.zero.told || int(told.Data) >= x.zero.sent {
				x.sum.Notices++
			}
			x.zero.told = int(told.Data) + 1
		}
	}
	return nil
}
