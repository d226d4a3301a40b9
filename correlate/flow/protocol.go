package flow

import "github.com/throughline/throughline/bpf/abi"

// Verdict is a protocol's opinion on the first bytes of a connection.
type Verdict uint8

const (
	No    Verdict = iota // not this protocol
	Maybe                // too few bytes to tell
	Yes                  // this protocol
)

// Protocol recognises one application protocol and makes its parsers. It holds
// no state of a connection and may be used by several assemblers at once.
type Protocol interface {
	// Name is for counters and diagnostics only.
	Name() string
	// Sniff looks at the bytes captured of one turn so far.
	Sniff(d abi.Direction, turn []byte) Verdict
	// New makes the parser of one connection.
	New(s Sink) Parser
}

// Parser turns the bytes of one connection into exchanges. For each direction
// it sees, in order and without overlap, bytes that were captured (Feed) and
// numbers of bytes that were only counted (Skip).
type Parser interface {
	// Feed takes captured bytes. The chunk is valid until Feed returns.
	Feed(c *Chunk)
	// Skip takes bytes that were counted and not captured. The gap is
	// valid until Skip returns.
	Skip(g *Gap)
	// End says that something is over: see Ending.
	End(e Ending)
	// State is asked after each of the others and must be cheap.
	State() State
}

// Sink takes what a parser finds on one connection.
type Sink interface {
	// Conn returns the connection as known now. The pointer changes when
	// more becomes known.
	Conn() *Conn
	// SetRole says who sends the requests on this connection.
	SetRole(abi.Role)
	// Emit hands over a finished exchange.
	Emit(*Exchange)
	// Drop counts something that could not become an exchange.
	Drop(Drop)
}

// Chunk is the captured bytes of one call, or the first of them.
type Chunk struct {
	Direction abi.Direction
	Flags     abi.EventFlag // FlagTurn, FlagRequestStart, FlagEof and those of the context
	Tgid      uint32
	Start     uint64 // ns, when the earliest hook saw the call
	Time      uint64 // ns, when the call's bytes had moved
	Context   abi.TraceContext
	Data      []byte
}

// Gap is a run of bytes in one direction that the kernel counted and did not
// capture.
type Gap struct {
	Direction abi.Direction
	Bytes     uint64 // size of the gap, never 0
	Last      uint64 // ns, time of the last call that moved some of them
	Tail      []byte // the last bytes of the gap, at most 8; empty if unknown
}

// EndReason says what is over.
type EndReason uint8

const (
	// EndClosed: this end of the connection was closed.
	EndClosed EndReason = iota
	// EndRemote: the peer closed first, and all its bytes were seen.
	EndRemote
	// EndReset: the connection was torn down by an error.
	EndReset
	// EndUnknown: the connection is gone, nobody saw how.
	EndUnknown
	// EndExit: the process is gone.
	EndExit
	// EndTimeout: an exchange was open and nothing moved for
	// Options.Timeout. The connection lives on.
	EndTimeout
	// EndQuiet: nothing moved for Options.Quiet while State.Quiet was set.
	// The connection lives on.
	EndQuiet
	// EndForget: the assembler has no more room for the connection, or is
	// being closed. Nothing is known about the exchanges still open.
	EndForget
	// EndLeftOut: exchanges follow of which nothing is told, and then others
	// that are. What is open was answered before; a head that is not whole is
	// of one that is left out. The connection lives on.
	EndLeftOut
)

// Ending is the end of a connection or of the patience with it.
type Ending struct {
	Reason EndReason
	Errno  int32  // with EndReset: a positive errno, or 0
	Time   uint64 // ns
}

// State is what an assembler must know of a parser.
type State struct {
	// Open is the number of exchanges begun and not yet emitted.
	Open int
	// Counting is set while the end of an open exchange may be among bytes
	// that the kernel only counts: the ledger is asked.
	Counting bool
	// Quiet is set while nothing but silence will tell the end of an
	// open exchange.
	Quiet bool
	// Expects tells for each direction whether the next byte belongs to a
	// head that is needed. A gap there is more likely an event that
	// another CPU has yet to deliver.
	Expects [2]bool
	// Buffered is the number of bytes held.
	Buffered int
	// Done is set when nothing more is to be found on the connection, as
	// after an upgrade.
	Done bool
}

// Ledger reads the kernel's own counts of a connection.
type Ledger interface {
	Conn(sock uint64) (abi.Conn, bool)
}
