package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bystanderResult is what a process that is no target pays, in nanoseconds.
type bystanderResult struct {
	Write  float64 `json:"write_ns"`           // write(2) to /dev/null
	TCP    float64 `json:"tcp_pair_ns"`        // send and receive over loopback
	Socket float64 `json:"socketpair_pair_ns"` // send and receive over a socket pair
}

const (
	batches    = 15
	batchCalls = 10_000
)

// playBystander is the role: it times system calls and prints the times as JSON.
func playBystander(context.Context, []string) error {
	runtime.LockOSThread()
	null, err := unix.Open("/dev/null", unix.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening /dev/null: %w", err)
	}
	a, b, err := tcpPair()
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("making a socket pair: %w", err)
	}
	message := make([]byte, 64)
	var r bystanderResult
	for _, m := range []struct {
		to   *float64
		call func() error
	}{
		{&r.Write, func() error { return call(unix.SYS_WRITE, null, message) }},
		{&r.TCP, func() error { return there(a, b, message) }},
		{&r.Socket, func() error { return there(pair[0], pair[1], message) }},
	} {
		if *m.to, err = timeCalls(m.call); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// timeCalls returns the nanoseconds a call of the batch that was disturbed least.
func timeCalls(f func() error) (float64, error) {
	times := make([]float64, 0, batches)
	for range batches {
		began := time.Now()
		for range batchCalls {
			if err := f(); err != nil {
				return 0, err
			}
		}
		times = append(times, float64(time.Since(began).Nanoseconds())/batchCalls)
	}
	return slices.Min(times), nil
}

func there(from, to int, message []byte) error {
	if err := call(unix.SYS_WRITE, from, message); err != nil {
		return err
	}
	return call(unix.SYS_READ, to, message)
}

// call bypasses Go's scheduler, which would be most of what is measured.
func call(number uintptr, fd int, message []byte) error {
	_, _, errno := unix.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(&message[0])), uintptr(len(message)))
	if errno != 0 {
		return fmt.Errorf("moving a message: %w", errno)
	}
	return nil
}

// tcpPair returns the two ends of a blocking loopback connection.
func tcpPair() (a, b int, err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, 0, fmt.Errorf("listening: %w", err)
	}
	defer l.Close()
	near, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		return 0, 0, fmt.Errorf("connecting: %w", err)
	}
	far, err := l.Accept()
	if err != nil {
		return 0, 0, fmt.Errorf("accepting: %w", err)
	}
	if a, err = blocking(near); err != nil {
		return 0, 0, err
	}
	b, err = blocking(far)
	return a, b, err
}

func blocking(c net.Conn) (int, error) {
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return 0, fmt.Errorf("taking the socket: %w", err)
	}
	return int(f.Fd()), unix.SetNonblock(int(f.Fd()), false)
}
