// Package flow puts the events of each connection back into two streams of
// bytes, chooses the protocol that speaks there and drives its parser. It says
// nothing about any protocol: what a parser emits is final.
package flow

import (
	"time"

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

// Assembler is the connection table of one shard. It is used by one goroutine
// and starts none.
type Assembler struct {
	protocols []Protocol
	emit      func(*Exchange)
	options   Options
	stats     Stats
}

// New makes an assembler. The first of the protocols that says Yes to a
// connection gets it. emit is called from Handle, Tick and Close.
func New(protocols []Protocol, emit func(*Exchange), o Options) *Assembler {
	return &Assembler{protocols: protocols, emit: emit, options: o}
}

// Handle takes one event. Kinds that say nothing about connections are ignored.
// Nothing of ev is kept.
func (a *Assembler) Handle(ev *event.Event) {}

// Tick settles what events alone cannot: call it about every 100 ms. now is
// CLOCK_MONOTONIC in nanoseconds; a nil ledger is never asked.
func (a *Assembler) Tick(now uint64, ledger Ledger) {}

// Close forgets every connection. Exchanges whose response was begun are
// emitted, the others counted.
func (a *Assembler) Close(now uint64) {}

// Stats returns the counters, from the goroutine that uses the assembler.
func (a *Assembler) Stats() Stats { return a.stats }
