package probes

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/internal/leaktest"
)

// The child process of these tests moves bytes by every system call there is
// for it; the parent looks at what the kernel programs report.

const childVariable = "THROUGHLINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leaktest.Run(m))
}

// child waits for its parent's word, talks, and ends.
func child(role string) error {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	runtime.LockOSThread()
	if file, ok := strings.CutPrefix(role, headsRole); ok {
		return sendHeads(file)
	}
	for _, call := range calls() {
		a, b, err := pair(role)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		if err := converse(a, b, call); err != nil {
			return err
		}
	}
	return nil
}

// calls names every conversation.
func calls() []string {
	names := slices.Collect(maps.Keys(sends))
	names = slices.AppendSeq(names, maps.Keys(receives))
	slices.Sort(names)
	return slices.Compact(names)
}

const (
	requestText  = "GET /%s HTTP/1.1\r\nHost: test\r\nTraceParent: 00-0af7651916cd43dd8448eb211c80319c-%s-01\r\n\r\n"
	responseText = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
)

// requestOf is what one conversation asks. Each has a span of its own on the
// wire, made of its name.
func requestOf(call string) (text string, span [8]uint8) {
	copy(span[:], call+"-------")
	path := strings.ReplaceAll(fmt.Sprintf("%-12s", call), " ", "_")
	return fmt.Sprintf(requestText, path, hex.EncodeToString(span[:])), span
}

func converse(a, b int, call string) error {
	send, receive := sends[call], receives[call]
	if send == nil {
		send = sends["write"]
	}
	if receive == nil {
		receive = receives["read"]
	}
	text, _ := requestOf(call)
	request, response := []byte(text), []byte(responseText)
	steps := []struct {
		from, to int
		text     []byte
	}{{a, b, request}, {b, a, response}}
	for _, s := range steps {
		if err := send(s.from, s.text); err != nil {
			return fmt.Errorf("sending by %s: %w", call, err)
		}
		got := make([]byte, 0, len(s.text))
		for len(got) < len(s.text) {
			part := make([]byte, len(s.text)-len(got))
			n, err := receive(s.to, part)
			if errors.Is(err, unix.EAGAIN) {
				continue
			}
			if err != nil {
				return fmt.Errorf("receiving by %s: %w", call, err)
			}
			got = append(got, part[:n]...)
		}
		if !bytes.Equal(got, s.text) {
			return fmt.Errorf("%s: other bytes came out than went in", call)
		}
	}
	return errors.Join(unix.Close(a), unix.Close(b))
}

func pair(family string) (a, b int, err error) {
	domain, address := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	switch family {
	case "ipv6":
		domain, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	case "unix":
		domain, address = unix.AF_UNIX, &unix.SockaddrUnix{Name: fmt.Sprintf("@throughline-test-%d", os.Getpid())}
	}
	listener, err := unix.Socket(domain, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(listener)
	if err := errors.Join(unix.Bind(listener, address), unix.Listen(listener, 1)); err != nil {
		return 0, 0, err
	}
	if address, err = unix.Getsockname(listener); err != nil {
		return 0, 0, err
	}
	if a, err = unix.Socket(domain, unix.SOCK_STREAM, 0); err != nil {
		return 0, 0, err
	}
	if err := unix.Connect(a, address); err != nil {
		return 0, 0, err
	}
	b, _, err = unix.Accept(listener)
	return a, b, err
}

// halves cuts a text in two, for calls that take vectors.
func halves(p []byte) [][]byte { return [][]byte{p[:7], p[7:]} }

var sends = map[string]func(int, []byte) error{
	"write":    func(fd int, p []byte) error { _, err := unix.Write(fd, p); return err },
	"writev":   func(fd int, p []byte) error { _, err := unix.Writev(fd, halves(p)); return err },
	"sendto":   func(fd int, p []byte) error { return unix.Sendto(fd, p, 0, nil) },
	"sendmsg":  func(fd int, p []byte) error { _, err := unix.SendmsgBuffers(fd, halves(p), nil, nil, 0); return err },
	"sendmmsg": func(fd int, p []byte) error { return messages(unix.SYS_SENDMMSG, fd, halves(p)) },
	"bytes": func(fd int, p []byte) error {
		for i := range p {
			if _, err := unix.Write(fd, p[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	},
}

var receives = map[string]func(int, []byte) (int, error){
	"read":  unix.Read,
	"readv": func(fd int, p []byte) (int, error) { return unix.Readv(fd, halves8(p)) },
	"recvfrom": func(fd int, p []byte) (int, error) {
		n, _, err := unix.Recvfrom(fd, p, 0)
		return n, err
	},
	"recvmsg": func(fd int, p []byte) (int, error) {
		n, _, _, _, err := unix.RecvmsgBuffers(fd, halves8(p), nil, 0)
		return n, err
	},
	"recvmmsg": func(fd int, p []byte) (int, error) { return len(p), messages(unix.SYS_RECVMMSG, fd, [][]byte{p}) },
	"peek": func(fd int, p []byte) (int, error) {
		if _, _, err := unix.Recvfrom(fd, p, unix.MSG_PEEK); err != nil {
			return 0, err
		}
		return unix.Read(fd, p)
	},
	"bytes": func(fd int, p []byte) (int, error) { return unix.Read(fd, p[:1]) },
	"nonblocking": func(fd int, p []byte) (int, error) {
		n, _, err := unix.Recvfrom(fd, p[:min(len(p), 30)], unix.MSG_DONTWAIT)
		return n, err
	},
}

func halves8(p []byte) [][]byte {
	if len(p) < 8 {
		return [][]byte{p}
	}
	return halves(p)
}

type messageHeader struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// messages makes one sendmmsg or recvmmsg call with a message a buffer.
func messages(call uintptr, fd int, buffers [][]byte) error {
	headers := make([]messageHeader, len(buffers))
	vectors := make([]unix.Iovec, len(buffers))
	for i, p := range buffers {
		vectors[i].Base = &p[0]
		vectors[i].SetLen(len(p))
		headers[i].header.Iov = &vectors[i]
		headers[i].header.SetIovlen(1)
	}
	n, _, errno := unix.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&headers[0])), uintptr(len(headers)), 0, 0, 0)
	runtime.KeepAlive(vectors)
	if errno != 0 {
		return errno
	}
	if int(n) != len(buffers) {
		return fmt.Errorf("%d of %d messages moved", n, len(buffers))
	}
	return nil
}
