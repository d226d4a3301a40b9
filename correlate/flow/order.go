package flow

import (
	"bytes"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// Events of one connection can change places when two CPUs read and write it at
// once. Only one kind of such change costs an exchange: an event that tells of
// bytes, or answers a request, whose own event is yet to come. Such an event is
// held until the next one of its connection or the Tick after heldFor. A close
// is held longer: what has arrived before a reset can be read after it, and what
// is sent to a peer that is gone is reset before its own event is made.

const (
	heldFor      = 20_000_000  // ns
	heldForClose = 100_000_000 // ns
	// A request may have its time taken this long after its answer's: the
	// kernel reports a call when it ends.
	disorder = 5_000_000 // ns
)

// expects tells whether the bytes that come next in a direction are ones whose
// loss would cost an exchange.
func (c *connection) expects(d abi.Direction) bool {
	if c.parser != nil {
		return c.state.Expects[d]
	}
	return c.conn.FromStart && c.position == [2]uint64{} && c.sniffer == nil
}

// suspicious reports whether another event should have come before this one.
func (c *connection) suspicious(ev *event.Event) bool {
	e := &ev.Data
	d := abi.Direction(e.Direction)
	other := d ^ 1
	if has(&ev.Header, abi.FlagResumed) {
		return false
	}
	if e.OtherBytes > c.position[other] && c.expects(other) || e.Offset > c.position[d] && c.expects(d) {
		return true
	}
	// An answer to nothing, on the side that asks.
	return d == abi.DirectionReceived && e.Length > 0 && c.asks() && c.expects(other) && c.state.Open == 0
}

// asks reports whether the process sends the requests here.
func (c *connection) asks() bool {
	if c.conn.Role == abi.RoleUnknown {
		return c.conn.Active
	}
	return c.conn.Role == abi.RoleClient
}

// suspiciousClose reports whether the close event tells of bytes whose event
// should have come before it, or whether bytes may yet be read or reported.
func (c *connection) suspiciousClose(ev *event.Event) bool {
	e := &ev.Close
	if has(&ev.Header, abi.FlagResumed) {
		return false
	}
	return e.ReceivedBytes > c.position[abi.DirectionReceived] && c.expects(abi.DirectionReceived) ||
		e.SentBytes > c.position[abi.DirectionSent] && c.expects(abi.DirectionSent) ||
		abi.CloseReason(e.Reason) == abi.CloseReset
}

// fitsBeforeHeld reports whether ev is one that the held event waits for.
func (c *connection) fitsBeforeHeld(ev *event.Event) bool {
	e := &ev.Data
	if c.held.Kind() == abi.EventClose {
		return e.Offset >= c.position[e.Direction]
	}
	if has(&ev.Header, abi.FlagResumed) {
		return e.Direction != c.held.Data.Direction && e.Start <= c.held.Header.Ktime+disorder &&
			e.Offset+uint64(e.Length) <= c.held.Data.OtherBytes
	}
	if e.Offset != c.position[e.Direction] || !c.expects(abi.Direction(e.Direction)) {
		return false
	}
	return e.Direction != c.held.Data.Direction && e.Start <= c.held.Header.Ktime+disorder ||
		e.Direction == c.held.Data.Direction && e.Offset < c.held.Data.Offset
}

// due reports whether the held event has been held for long enough.
func (c *connection) due(now uint64) bool {
	wait := uint64(heldFor)
	if c.held.Kind() == abi.EventClose {
		wait = heldForClose
	}
	return since(now, c.held.Header.Ktime) >= wait
}

// hold keeps a copy of ev.
func (c *connection) hold(ev *event.Event) {
	kept := *ev
	kept.Payload = bytes.Clone(ev.Payload)
	c.held = &kept
	c.a.stats.Buffered += len(kept.Payload)
	c.a.watch(c)
}

// release delivers the held event, if there is one.
func (c *connection) release(now uint64) {
	ev := c.held
	if ev == nil {
		return
	}
	c.held = nil
	c.a.stats.Buffered -= len(ev.Payload)
	switch ev.Kind() {
	case abi.EventData:
		c.deliver(ev)
		if !c.needsWatch() {
			c.a.unwatch(c)
		}
	case abi.EventClose:
		c.finish(ev)
	}
}

// close takes the last event of a connection.
func (c *connection) close(ev *event.Event) {
	if c.held != nil {
		wasClose := c.held.Kind() == abi.EventClose
		c.release(ev.Header.Ktime)
		if wasClose {
			return
		}
	}
	if c.claimed {
		c.linger(ev.Header.Ktime)
		return
	}
	if c.begun && !c.alone && c.suspiciousClose(ev) {
		c.hold(ev)
		return
	}
	c.finish(ev)
}

// finish settles a connection by its close event and removes it.
func (c *connection) finish(ev *event.Event) {
	e := &ev.Close
	if has(&ev.Header, abi.FlagResumed) {
		c.leaveOut(ev.Header.Ktime)
		c.end(Ending{Reason: EndClosed, Time: ev.Header.Ktime})
		return
	}
	if c.parser != nil {
		c.settle(abi.DirectionReceived, e.ReceivedBytes, e.LastReceived, e.ReceivedTail[:e.ReceivedTailLen])
	}
	if c.parser != nil {
		c.settle(abi.DirectionSent, e.SentBytes, e.LastSent, e.SentTail[:e.SentTailLen])
	}
	end := Ending{Reason: EndUnknown, Errno: e.Error, Time: ev.Header.Ktime}
	switch abi.CloseReason(e.Reason) {
	case abi.CloseLocal:
		end.Reason = EndClosed
	case abi.CloseRemote:
		end.Reason = EndRemote
	case abi.CloseReset:
		end.Reason = EndReset
	}
	c.end(end)
}
