package flow

import (
	"time"

	"github.com/throughline/throughline/bpf/abi"
)

const (
	// settled is how long a direction must be silent until the ledger is
	// believed: by then every event of what it counts has been delivered.
	settled = uint64(200 * time.Millisecond)
	// exitGrace is how long the close events of a process that is gone may
	// take.
	exitGrace = uint64(time.Second)
	// goneGrace is how long after its last bytes a connection that the
	// kernel does not know any more is waited for.
	goneGrace = uint64(2 * time.Second)
	maxAsk    = uint64(time.Second)      // longest time between two questions
	maxSweep  = uint64(10 * time.Second) // longest time between two sweeps
)

// since returns now - then, 0 if then is later.
func since(now, then uint64) uint64 {
	if now <= then {
		return 0
	}
	return now - then
}

// Tick settles what events alone cannot: call it about every 100 ms. now is
// CLOCK_MONOTONIC in nanoseconds; a nil ledger is never asked.
func (a *Assembler) Tick(now uint64, ledger Ledger) {
	// From the end, for unwatch moves the last one forward.
	for i := len(a.watched) - 1; i >= 0; i-- {
		if i < len(a.watched) {
			a.watched[i].tick(now, ledger)
		}
	}
	shortest := min(uint64(a.options.Timeout), uint64(a.options.Idle))
	if since(now, a.swept) >= min(shortest/8, maxSweep) {
		a.swept = now
		a.sweep(now, shortest, ledger)
	}
}

// tick looks at one watched connection. It may remove it.
func (c *connection) tick(now uint64, ledger Ledger) {
	if c.held != nil && c.due(now) {
		c.release(now)
		if c.gone {
			return
		}
	}
	if c.closed != 0 && since(now, c.closed) >= lingerFor {
		c.end(Ending{Reason: EndUnknown, Time: c.closed})
		return
	}
	if c.exited != 0 && since(now, c.exited) >= exitGrace {
		c.release(now)
		c.end(Ending{Reason: EndExit, Time: c.exited})
		return
	}
	if (c.state.Counting || c.state.Quiet) && ledger != nil && now >= c.askAt && c.held == nil {
		if !c.ask(now, ledger) {
			return
		}
	}
	if c.state.Quiet && since(now, c.last) >= uint64(c.a.options.Quiet) {
		c.parser.End(Ending{Reason: EndQuiet, Time: now})
		c.review(now)
	}
	if !c.needsWatch() {
		c.a.unwatch(c)
	}
}

// ask reads the kernel's counts and settles the direction of the responses by
// them. It reports whether the connection is still there.
//
// The ledger is ahead of the events, so it is believed only when the direction
// has been silent for a while and no request has followed: then no captured
// byte can be under way.
func (c *connection) ask(now uint64, ledger Ledger) bool {
	kernel, found := ledger.Conn(c.conn.Sock)
	c.a.stats.LedgerReads++
	if !found || kernel.Gen != c.gen {
		if since(now, c.last) >= goneGrace {
			c.end(Ending{Reason: EndUnknown, Time: now})
			return false
		}
		return true
	}
	d := abi.DirectionReceived
	if c.conn.Role == abi.RoleServer {
		d = abi.DirectionSent
	}
	half := &kernel.Half[d]
	if half.Last > c.last {
		c.touch(half.Last)
	}
	silent := since(now, half.Last)
	c.askAt = now + min(maxAsk, silent/4)
	if abi.Direction(kernel.Direction) == d && silent >= settled {
		c.settle(d, half.Bytes, half.Last, half.Tail[:min(int(half.TailLen), len(half.Tail))])
	}
	return true
}

// sweep ends exchanges and forgets connections on which nothing has moved for
// long. No connection that moved something after now - shortest is looked at.
func (a *Assembler) sweep(now, shortest uint64, ledger Ledger) {
	for c := a.byIdle.front; c != nil && since(now, c.last) >= shortest; {
		next := c.next
		c.expire(now, ledger)
		c = next
	}
}

func (c *connection) expire(now uint64, ledger Ledger) {
	if c.parser != nil && c.state.Open > 0 && since(now, c.last) >= uint64(c.a.options.Timeout) {
		if c.movedUnseen(ledger) {
			return
		}
		c.a.stats.TimedOut += uint64(c.state.Open)
		c.parser.End(Ending{Reason: EndTimeout, Time: now})
		c.review(now)
	}
	if since(now, c.last) >= uint64(c.a.options.Idle) && !c.movedUnseen(ledger) && !c.stands(now, ledger) {
		c.a.stats.EvictedIdle++
		c.release(now)
		c.end(Ending{Reason: EndForget, Time: now})
	}
}

// movedUnseen reports whether the kernel counted bytes since the last event.
func (c *connection) movedUnseen(ledger Ledger) bool {
	if ledger == nil {
		return false
	}
	kernel, found := ledger.Conn(c.conn.Sock)
	c.a.stats.LedgerReads++
	if !found || kernel.Gen != c.gen {
		return false
	}
	last := max(kernel.Half[0].Last, kernel.Half[1].Last)
	if last <= c.last {
		return false
	}
	c.touch(last)
	return true
}
