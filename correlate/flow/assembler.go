// Package flow puts the events of each connection back into two streams of
// bytes, chooses the protocol that speaks there and drives its parser. It says
// nothing about any protocol: what a parser emits is final.
//
// The kernel captures the first bytes of each turn (a run of calls in one
// direction) and counts the rest. The counts come with the next event of the
// connection, with its end, or from the Ledger. A parser therefore sees bytes
// and gaps of known size, in order for each direction.
package flow

import (
	"time"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// Options bound what an assembler holds. A zero field means its default.
type Options struct {
	MaxConnections int           // default 65536; the longest idle goes first
	MaxBuffered    int           // bytes over all connections, default 16 MiB
	Idle           time.Duration // a connection that moves nothing is forgotten, default 10 min
	Timeout        time.Duration // an open exchange that moves nothing is ended, default 5 min
	Quiet          time.Duration // silence that ends a response of unknown length, default 1 s
	SniffTurns     int           // turns without a known protocol until left alone, default 4
}

func (o *Options) setDefaults() {
	if o.MaxConnections <= 0 {
		o.MaxConnections = 1 << 16
	}
	if o.MaxBuffered <= 0 {
		o.MaxBuffered = 16 << 20
	}
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Quiet <= 0 {
		o.Quiet = time.Second
	}
	if o.SniffTurns <= 0 {
		o.SniffTurns = 4
	}
}

// Assembler is the connection table of one shard. It is used by one goroutine
// and starts none.
type Assembler struct {
	protocols []Protocol
	emit      func(*Exchange)
	options   Options
	stats     Stats

	connections map[uint64]*connection // by sock; its generation is in the value
	byIdle      list                   // longest idle first
	watched     []*connection          // those that Tick must look at
	processes   map[uint32]int         // connections of each tgid
	swept       uint64                 // ns, when idle ones were last looked for

	// Arguments to parsers, kept here so that a call allocates nothing.
	chunk Chunk
	gap   Gap
}

// New makes an assembler. The first of the protocols that says Yes to a
// connection gets it. emit is called from Handle, Tick and Close.
func New(protocols []Protocol, emit func(*Exchange), o Options) *Assembler {
	o.setDefaults()
	return &Assembler{
		protocols:   protocols,
		emit:        emit,
		options:     o,
		connections: make(map[uint64]*connection),
		processes:   make(map[uint32]int),
	}
}

// Handle takes one event. Kinds that say nothing about connections are ignored.
// Nothing of ev is kept.
func (a *Assembler) Handle(ev *event.Event) {
	switch ev.Kind() {
	case abi.EventData:
		a.stats.Events++
		if c := a.at(&ev.Header, true); c != nil {
			c.data(ev)
		}
	case abi.EventOpen:
		a.stats.Events++
		if c := a.at(&ev.Header, true); c != nil {
			c.open(ev)
		}
	case abi.EventClose:
		a.stats.Events++
		if c := a.at(&ev.Header, false); c != nil {
			c.close(ev)
		}
	case abi.EventClaim:
		a.stats.Events++
		if c := a.at(&ev.Header, true); c != nil {
			c.claim()
		}
	case abi.EventExit:
		a.stats.Events++
		a.exit(ev.Header.Tgid, ev.Header.Ktime)
	}
}

// Close forgets every connection. Exchanges whose response was begun are
// emitted, the others counted.
func (a *Assembler) Close(now uint64) {
	for c := a.byIdle.front; c != nil; c = a.byIdle.front {
		c.release(now)
		c.end(Ending{Reason: EndForget, Time: now})
	}
}

// Stats returns the counters, from the goroutine that uses the assembler.
func (a *Assembler) Stats() Stats {
	s := a.stats
	s.Connections = len(a.connections)
	return s
}

// at finds the connection of an event and marks it as alive. It returns nil if
// there is none and none is to be made.
func (a *Assembler) at(h *abi.EventHeader, create bool) *connection {
	c := a.connections[h.Sock]
	if c != nil && c.gen != h.Gen {
		if h.Gen < c.gen {
			a.stats.Late++
			return nil
		}
		// The address is in use again: the close event was lost.
		c.release(h.Ktime)
		c.end(Ending{Reason: EndUnknown, Time: h.Ktime})
		c = nil
	}
	if c == nil {
		if !create {
			return nil
		}
		c = a.add(h)
	}
	c.touch(h.Ktime)
	return c
}

func (a *Assembler) add(h *abi.EventHeader) *connection {
	if len(a.connections) >= a.options.MaxConnections {
		oldest := a.byIdle.front
		a.stats.EvictedFull++
		oldest.release(h.Ktime)
		oldest.end(Ending{Reason: EndForget, Time: h.Ktime})
	}
	c := &connection{
		a:    a,
		gen:  h.Gen,
		conn: &Conn{Sock: h.Sock, Gen: h.Gen, Tgid: h.Tgid},
		last: h.Ktime,
	}
	a.connections[h.Sock] = c
	a.processes[h.Tgid]++
	a.byIdle.push(c)
	return c
}

// remove takes a connection out of every table.
func (a *Assembler) remove(c *connection) {
	c.gone = true
	delete(a.connections, c.conn.Sock)
	a.byIdle.remove(c)
	a.unwatch(c)
	a.count(c.conn.Tgid, -1)
	if !c.described {
		a.stats.OpenLost++
	}
}

func (a *Assembler) count(tgid uint32, by int) {
	if a.processes[tgid] += by; a.processes[tgid] == 0 {
		delete(a.processes, tgid)
	}
}

// exit marks the connections of a process that is gone. Their close events
// follow the exit; what is still there a while later is ended by Tick.
func (a *Assembler) exit(tgid uint32, now uint64) {
	if a.processes[tgid] == 0 {
		return
	}
	for c := a.byIdle.front; c != nil; c = c.next {
		if c.conn.Tgid == tgid {
			c.exited = max(now, 1)
			a.watch(c)
		}
	}
}

func (a *Assembler) watch(c *connection) {
	if c.watched == 0 {
		a.watched = append(a.watched, c)
		c.watched = len(a.watched)
	}
}

func (a *Assembler) unwatch(c *connection) {
	if c.watched == 0 {
		return
	}
	last := a.watched[len(a.watched)-1]
	a.watched[c.watched-1] = last
	last.watched = c.watched
	a.watched[len(a.watched)-1] = nil
	a.watched = a.watched[:len(a.watched)-1]
	c.watched = 0
}
