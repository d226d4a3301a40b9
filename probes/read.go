package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// tick is how often the ring is looked at when too little is in it to wake the
// reader, and how often the Sink may settle what no event tells.
const tick = 100 * time.Millisecond

// sweepEvery is how often entries are removed whose end the kernel did not see.
const sweepEvery = 30 * time.Second

// A Sink takes what the kernel reports, from one goroutine.
type Sink interface {
	// Handle takes one event, which is valid until it returns.
	Handle(ev *event.Event)
	// Tick is called every 100 ms or so; now is CLOCK_MONOTONIC nanoseconds.
	Tick(now uint64)
}

// Run reads the ring until the context ends, and then what is still in it.
func (p *Probes) Run(ctx context.Context, sink Sink) error {
	stop := context.AfterFunc(ctx, func() { p.reader.SetDeadline(time.Unix(1, 0)); p.reader.Flush() })
	defer stop()
	var (
		record ringbuf.Record
		ev     event.Event
		swept  = time.Now()
	)
	p.reader.SetDeadline(time.Now().Add(tick))
	for {
		err := p.reader.ReadInto(&record)
		switch {
		case err == nil:
			p.take(record.RawSample, &ev, sink)
			continue
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ringbuf.ErrFlushed):
		case errors.Is(err, ringbuf.ErrClosed):
			return nil
		default:
			return fmt.Errorf("reading the ring: %w", err)
		}
		sink.Tick(Now())
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(swept) > sweepEvery {
			p.sweep()
			p.targets.sweep()
			p.libraries.sweep(p.targets.Has)
			swept = time.Now()
		}
		p.reader.SetDeadline(time.Now().Add(tick))
	}
}

func (p *Probes) take(record []byte, ev *event.Event, sink Sink) {
	if err := event.Decode(record, ev); err != nil {
		p.malformed.Add(1)
		return
	}
	if p.wasTold(ev) {
		return
	}
	p.unfinished(ev, sink)
	switch ev.Kind() {
	case abi.EventFork, abi.EventExec, abi.EventExit:
		p.targets.follow(ev)
		if ev.Kind() == abi.EventFork {
			p.followCgroup(int(ev.Header.Tgid))
		}
	}
	if ev.Kind() == abi.EventLeave && p.inject != nil {
		p.inject.leave(ev.Leave.Cookie)
	}
	sink.Handle(ev)
}

// Now is the kernel programs' clock.
func Now() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // cannot fail for this clock
	}
	return uint64(t.Nano())
}

// sweep removes connections of Unix sockets that moved nothing for a while: no
// tracepoint tells of their end. One that lives on is found again.
func (p *Probes) sweep() {
	const idle = 60 * time.Second
	var (
		sock  uint64
		conn  abi.Conn
		stale []uint64
		now   = Now()
	)
	entries := p.maps["conns"].Iterate()
	for entries.Next(&sock, &conn) {
		last := max(conn.Half[0].Last, conn.Half[1].Last, conn.Gen)
		if conn.Family == unix.AF_UNIX && now > last+uint64(idle) {
			stale = append(stale, sock)
		}
	}
	for _, s := range stale {
		_ = p.maps["conns"].Delete(&s) // gone already is as good
	}
}
