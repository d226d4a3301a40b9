package flow

// Drop is a reason why something seen did not become an exchange.
type Drop uint8

const (
	// DropOrphanResponse: a response whose request was not seen.
	DropOrphanResponse Drop = iota
	// DropMalformed: bytes that are not what the protocol says must follow.
	DropMalformed
	// DropLostHead: the head of a message was among bytes not captured.
	DropLostHead
	// DropHeadTooLong: a head beyond the parser's limits.
	DropHeadTooLong
	// DropPipelineFull: more requests unanswered than a parser keeps.
	DropPipelineFull
	// DropForgotten: an exchange still open when its connection was
	// evicted or the agent ended.
	DropForgotten
	// Drops is the number of reasons.
	Drops
)

// String names the reason as a metric label.
func (d Drop) String() string {
	switch d {
	case DropOrphanResponse:
		return "orphan_response"
	case DropMalformed:
		return "malformed"
	case DropLostHead:
		return "lost_head"
	case DropHeadTooLong:
		return "parser_head_too_long" // the kernel has a limit of its own
	case DropPipelineFull:
		return "pipeline_full"
	case DropForgotten:
		return "forgotten"
	}
	return "unknown"
}

// Stats counts what an assembler did. All but Connections and Buffered only
// ever grow.
type Stats struct {
	Connections int // now in the table
	Buffered    int // bytes now held by parsers and for sniffing

	Events      uint64
	Exchanges   uint64 // emitted
	Opened      uint64 // connections with an open event
	OpenLost    uint64 // connections whose open event was lost
	LeftAlone   uint64 // connections of no known protocol
	Claimed     uint64 // connections whose exchanges a library's probes report
	Finished    uint64 // connections with nothing more to find, as after an upgrade
	Gaps        uint64 // runs of bytes counted and not captured
	GapBytes    uint64
	Late        uint64 // events of bytes already accounted for
	Reordered   uint64 // events held back for one that came after them
	LedgerReads uint64

	EvictedFull   uint64 // connections forgotten for Options.MaxConnections
	EvictedIdle   uint64 // connections forgotten for Options.Idle
	EvictedBuffer uint64 // heads given up for Options.MaxBuffered
	TimedOut      uint64 // exchanges ended by Options.Timeout

	Drops [Drops]uint64 // by reason
}
