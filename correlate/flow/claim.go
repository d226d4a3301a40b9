package flow

import "github.com/throughline/throughline/bpf/abi"

// A claim says that a library's probes report the exchanges of a connection from
// now on, the open one included. What a parser has begun is then never emitted, and
// no bytes are looked at any more. The entry stays for what it knows of the
// connection.

// lingerFor is how long a claimed connection is remembered behind its close: a
// library may tell of a failure after it has closed the connection that failed.
const lingerFor = 100_000_000 // ns

// Call returns the connection of a call's event, or nil if that names none or one
// that is not known. The result never changes. A call is a claim too, whose own event
// may have been lost.
func (a *Assembler) Call(h *abi.EventHeader) *Conn {
	if h.Sock == 0 {
		return nil
	}
	c := a.at(h, false)
	if c == nil {
		return nil
	}
	c.claim()
	c.published = true
	return c.conn
}

// claim takes the connection away from its parser.
func (c *connection) claim() {
	if c.claimed {
		return
	}
	c.claimed = true
	c.a.stats.Claimed++
	c.leaveAlone()
	if ev := c.held; ev != nil {
		c.held = nil
		c.a.stats.Buffered -= len(ev.Payload)
		if ev.Kind() == abi.EventClose {
			c.linger(ev.Header.Ktime)
		}
	}
	if !c.needsWatch() {
		c.a.unwatch(c)
	}
}

// stands reports whether a claimed connection is still there. The kernel does not
// say when bytes move on it, and a call may take longer than Options.Idle.
func (c *connection) stands(now uint64, ledger Ledger) bool {
	if !c.claimed || ledger == nil {
		return false
	}
	kernel, found := ledger.Conn(c.conn.Sock)
	c.a.stats.LedgerReads++
	if !found || kernel.Gen != c.gen {
		return false
	}
	c.touch(now)
	return true
}

// linger takes the close event of a claimed connection.
func (c *connection) linger(now uint64) {
	c.closed = max(now, 1)
	c.a.watch(c)
}
