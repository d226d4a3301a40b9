package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// loadResult is what a load generator saw.
type loadResult struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_us"` // NaN is not JSON: 0 where not measured
	P99      float64 `json:"p99_us"`

	own time.Duration // processor time of the generator
}

// A pacer sends requests at fixed times, whether earlier ones were answered or
// not. A latency begins when its request was due, so that a server that stalls
// is charged for everyone who would have come meanwhile. One thread serves all
// connections by epoll with a fine timer.
type pacer struct {
	epoll    int
	request  []byte
	interval time.Duration
	idle     []*line // oldest first
	lines    map[int32]*line
	latency  []float64 // microseconds
	failed   int
}

// A line is one connection, with the request that is on it.
type line struct {
	fd   int
	busy bool
	due  time.Time
	got  []byte
}

// playPace is the role: ADDRESS CONNECTIONS RATE DURATION, result as JSON.
func playPace(ctx context.Context, args []string) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("asking for a fine timer: %w", err)
	}
	address, err := netip.ParseAddrPort(args[0])
	connections, err1 := strconv.Atoi(args[1])
	rate, err2 := strconv.Atoi(args[2])
	duration, err3 := time.ParseDuration(args[3])
	if err := errors.Join(err, err1, err2, err3); err != nil {
		return err
	}
	p, err := newPacer(address, connections, rate)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := p.run(ctx, int(duration/p.interval)); err != nil {
		return err
	}
	slices.Sort(p.latency)
	return json.NewEncoder(os.Stdout).Encode(loadResult{
		Requests: len(p.latency), Failed: p.failed, Seconds: time.Since(began).Seconds(),
		P50: percentile(p.latency, 50), P99: percentile(p.latency, 99),
	})
}

func newPacer(address netip.AddrPort, connections, rate int) (*pacer, error) {
	p := &pacer{
		request:  []byte("GET /hello HTTP/1.1\r\nHost: " + address.String() + "\r\n\r\n"),
		interval: time.Second / time.Duration(rate),
		lines:    map[int32]*line{},
	}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	for range connections {
		if err := p.connect(address); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pacer) connect(address netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("making a socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())}); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	err = errors.Join(unix.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
	if err != nil {
		return fmt.Errorf("preparing a connection: %w", err)
	}
	l := &line{fd: fd}
	p.lines[int32(fd)] = l
	p.idle = append(p.idle, l)
	return nil
}

// patience is how long answers are waited for when all requests are sent.
const patience = 5 * time.Second

func (p *pacer) run(ctx context.Context, total int) error {
	began := time.Now()
	sent := 0
	events := make([]unix.EpollEvent, 256)
	for {
		now := time.Now()
		for sent < total && len(p.idle) > 0 {
			due := began.Add(time.Duration(sent) * p.interval)
			if due.After(now) {
				break
			}
			if err := p.send(due); err != nil {
				return err
			}
			sent++
		}
		done := len(p.latency) + p.failed
		if sent == total && done == total || len(p.lines) == 0 || ctx.Err() != nil {
			p.failed = total - len(p.latency)
			return ctx.Err()
		}
		wait := patience
		if sent < total && len(p.idle) > 0 {
			wait = max(0, time.Until(began.Add(time.Duration(sent)*p.interval)))
		}
		n, err := p.wait(events, wait)
		if err != nil {
			return err
		}
		if n == 0 && wait == patience {
			p.failed = total - len(p.latency)
			return nil
		}
		for _, e := range events[:n] {
			p.receive(p.lines[e.Fd])
		}
	}
}

func (p *pacer) wait(events []unix.EpollEvent, d time.Duration) (int, error) {
	timeout := unix.NsecToTimespec(int64(d))
	n, _, number := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if number != 0 && number != unix.EINTR {
		return 0, fmt.Errorf("waiting for answers: %w", number)
	}
	if number != 0 {
		return 0, nil
	}
	return int(n), nil
}

// send uses the connection that has been idle longest: all of them take part.
func (p *pacer) send(due time.Time) error {
	l := p.idle[0]
	p.idle = p.idle[1:]
	n, err := unix.Write(l.fd, p.request)
	if err != nil || n < len(p.request) {
		p.drop(l)
		return nil
	}
	l.busy, l.due, l.got = true, due, l.got[:0]
	return nil
}

func (p *pacer) receive(l *line) {
	if l == nil {
		return
	}
	var buffer [4096]byte
	n, err := unix.Read(l.fd, buffer[:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if err != nil || n == 0 || !l.busy {
		p.drop(l)
		return
	}
	l.got = append(l.got, buffer[:n]...)
	if !complete(l.got) {
		return
	}
	if !bytes.HasPrefix(l.got, []byte("HTTP/1.1 200")) {
		p.failed++
	} else {
		p.latency = append(p.latency, float64(time.Since(l.due))/float64(time.Microsecond))
	}
	l.busy = false
	p.idle = append(p.idle, l)
}

// drop gives up a connection that broke, and the request on it.
func (p *pacer) drop(l *line) {
	p.failed++
	delete(p.lines, int32(l.fd))
	p.idle = slices.DeleteFunc(p.idle, func(other *line) bool { return other == l })
	unix.Close(l.fd)
}

// complete tells whether a whole response with a Content-Length is there.
func complete(got []byte) bool {
	head, body, ok := bytes.Cut(got, []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	for field := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		if bytes.EqualFold(name, []byte("content-length")) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return err == nil && len(body) >= n
		}
	}
	return true
}
