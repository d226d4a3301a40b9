package flow

import (
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// connection is one entry of the table, and the Sink of its parser.
type connection struct {
	a    *Assembler
	conn *Conn
	gen  uint64
	// published: an exchange refers to conn, which must not change.
	published bool
	described bool // the open event was seen

	parser  Parser
	state   State
	sniffer *sniffer
	alone   bool // nothing to be found here
	claimed bool // a library's probes report the exchanges
	gone    bool // removed from the table

	position [2]uint64 // bytes accounted for, by direction
	begun    bool      // position is known
	last     uint64    // ns, when something last moved
	askAt    uint64    // ns, when the ledger is worth a question again
	exited   uint64    // ns, when the process was gone; 0: it is not
	closed   uint64    // ns, when a claimed one was closed; 0: it was not
	held     *event.Event

	watched    int // index in Assembler.watched + 1; 0: not there
	prev, next *connection
}

// Conn implements Sink.
func (c *connection) Conn() *Conn { return c.conn }

// SetRole implements Sink.
func (c *connection) SetRole(r abi.Role) {
	if c.conn.Role != r {
		c.edit().Role = r
	}
}

// Emit implements Sink.
func (c *connection) Emit(x *Exchange) {
	c.published = true
	c.a.stats.Exchanges++
	c.a.emit(x)
}

// Drop implements Sink.
func (c *connection) Drop(d Drop) {
	if d < Drops {
		c.a.stats.Drops[d]++
	}
}

// edit returns a Conn that no exchange refers to.
func (c *connection) edit() *Conn {
	if c.published {
		fresh := *c.conn
		c.conn, c.published = &fresh, false
	}
	return c.conn
}

// touch says that something moved.
func (c *connection) touch(now uint64) {
	if now > c.last {
		c.last = now
	}
	c.a.byIdle.moveToBack(c)
}

// open takes the kernel's description of the connection, normally its first
// event.
func (c *connection) open(ev *event.Event) {
	if !c.described {
		c.described = true
		c.a.stats.Opened++
	}
	o, n := &ev.Open, c.edit()
	n.Family, n.Netns = o.Family, o.Netns
	n.Active, n.FromStart = o.Active != 0, o.FromStart != 0
	switch o.Family {
	case unix.AF_INET:
		n.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(o.Local[:4])), o.LocalPort)
		n.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte(o.Remote[:4])), o.RemotePort)
	case unix.AF_INET6:
		n.Local = netip.AddrPortFrom(netip.AddrFrom16(o.Local).Unmap(), o.LocalPort)
		n.Remote = netip.AddrPortFrom(netip.AddrFrom16(o.Remote).Unmap(), o.RemotePort)
	case unix.AF_UNIX:
		n.Path = unixPath(ev.UnixPath())
	}
	if c.parser == nil && !c.alone {
		c.begun = true
	}
}

// unixPath turns a sun_path into text: an abstract name, which begins with a
// NUL, is written with "@" as ss and netstat do; others end at a NUL.
func unixPath(b []byte) string {
	if len(b) > 0 && b[0] == 0 {
		return "@" + strings.ToValidUTF8(strings.TrimRight(string(b[1:]), "\x00"), "\uFFFD")
	}
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.ToValidUTF8(s, "\uFFFD")
}

// data takes one captured call.
func (c *connection) data(ev *event.Event) {
	if ev.Data.Direction > uint8(abi.DirectionSent) {
		return // event.Decode refuses it
	}
	if !c.begun {
		c.begun = true
		d := ev.Data.Direction
		c.position[d], c.position[d^1] = ev.Data.Offset, ev.Data.OtherBytes
	}
	if c.exited != 0 && c.conn.Tgid != ev.Header.Tgid {
		// The socket was inherited and outlives its first owner.
		c.a.count(c.conn.Tgid, -1)
		c.edit().Tgid = ev.Header.Tgid
		c.a.count(c.conn.Tgid, 1)
		c.exited = 0
	}
	if c.alone {
		return
	}
	if c.held != nil {
		if c.fitsBeforeHeld(ev) {
			c.a.stats.Reordered++
			c.deliver(ev)
			if c.held.Kind() != abi.EventClose { // more may have been read since
				c.release(ev.Header.Ktime)
			}
			return
		}
		c.release(ev.Header.Ktime)
		if c.gone {
			c.a.stats.Late++
			return
		}
	}
	if !c.alone && c.suspicious(ev) {
		c.hold(ev)
		return
	}
	c.deliver(ev)
}

// deliver gives an event to the parser: first the gaps that it tells of, then
// its bytes, then what of the call was not captured.
func (c *connection) deliver(ev *event.Event) {
	e := &ev.Data
	d := abi.Direction(e.Direction)
	other := d ^ 1
	total, tail := e.OtherBytes, ev.OtherTail()
	if c.held != nil && c.held.Kind() == abi.EventData && c.held.Data.Direction == uint8(other) && total > c.held.Data.Offset {
		// The held event's own bytes are still to come.
		total, tail = c.held.Data.Offset, nil
	}
	if has(&ev.Header, abi.FlagResumed) {
		c.resume(ev, total)
	}
	c.settle(other, total, e.OtherLast, tail)
	c.settle(d, e.Offset, e.Previous, nil)
	if has(&ev.Header, abi.FlagUnsampled) {
		c.void(ev)
		return
	}

	payload, length := ev.Payload, uint64(e.Length)
	if e.Offset < c.position[d] {
		behind := c.position[d] - e.Offset
		if length != 0 && behind >= length {
			c.a.stats.Late++
			return
		}
		if length != 0 {
			length -= behind
			payload = payload[min(behind, uint64(len(payload))):]
		}
	}
	c.position[d] += uint64(len(payload))
	c.feed(ev, d, payload)
	if missing := length - uint64(len(payload)); missing > 0 {
		c.settle(d, c.position[d]+missing, ev.Header.Ktime, ev.Tail())
	}
}

func (c *connection) feed(ev *event.Event, d abi.Direction, payload []byte) {
	if len(payload) == 0 && ev.Header.Flags&uint16(abi.FlagEof) == 0 || c.alone {
		return
	}
	k := &c.a.chunk
	*k = Chunk{
		Direction: d,
		Flags:     abi.EventFlag(ev.Header.Flags),
		Tgid:      ev.Header.Tgid,
		Start:     ev.Data.Start,
		Time:      ev.Header.Ktime,
		Context:   ev.Header.Ctx,
		Data:      payload,
	}
	if k.Start == 0 || k.Start > k.Time {
		k.Start = k.Time
	}
	if c.parser == nil {
		c.sniff(k)
		return
	}
	c.parser.Feed(k)
	c.review(k.Time)
}

// settle accounts for the bytes of a direction up to total: what lies beyond
// the position was counted and not captured.
func (c *connection) settle(d abi.Direction, total, last uint64, tail []byte) {
	if total <= c.position[d] {
		return
	}
	size := total - c.position[d]
	c.position[d] = total
	c.a.stats.Gaps++
	c.a.stats.GapBytes += size
	if c.parser == nil {
		c.interruptSniffing()
		return
	}
	if uint64(len(tail)) > size {
		tail = tail[uint64(len(tail))-size:]
	}
	g := &c.a.gap
	*g = Gap{Direction: d, Bytes: size, Last: last, Tail: tail}
	c.parser.Skip(g)
	c.review(last)
}

// review takes over what a parser's state asks for.
func (c *connection) review(now uint64) {
	s := c.parser.State()
	c.a.stats.Buffered += s.Buffered - c.state.Buffered
	if (s.Counting || s.Quiet) && !(c.state.Counting || c.state.Quiet) {
		c.askAt = now
	}
	c.state = s
	switch {
	case s.Done:
		c.a.stats.Finished++
		c.leaveAlone()
		return
	case c.a.stats.Buffered > c.a.options.MaxBuffered && s.Buffered > 0:
		c.a.stats.EvictedBuffer++
		c.parser.End(Ending{Reason: EndForget, Time: now})
		c.a.stats.Buffered -= c.state.Buffered
		c.state = c.parser.State()
		c.a.stats.Buffered += c.state.Buffered
	}
	if c.needsWatch() {
		c.a.watch(c)
	} else {
		c.a.unwatch(c)
	}
}

func (c *connection) needsWatch() bool {
	return c.state.Counting || c.state.Quiet || c.held != nil || c.exited != 0 || c.closed != 0
}

// leaveAlone gives up looking at the connection. Only its entry stays, so that
// the next event is one look-up.
func (c *connection) leaveAlone() {
	c.a.stats.Buffered -= c.state.Buffered + c.sniffer.buffered()
	c.parser, c.sniffer, c.state, c.alone = nil, nil, State{}, true
	if !c.needsWatch() {
		c.a.unwatch(c)
	}
}

// end says the parser that the connection is over and removes it.
func (c *connection) end(e Ending) {
	if c.gone {
		return
	}
	if c.parser != nil {
		c.parser.End(e)
	}
	c.a.stats.Buffered -= c.state.Buffered + c.sniffer.buffered()
	c.parser, c.sniffer, c.state = nil, nil, State{}
	c.a.remove(c)
}
