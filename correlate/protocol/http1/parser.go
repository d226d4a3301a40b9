package http1

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
)

// phase is where one direction of a connection stands.
type phase uint8

const (
	phaseLost    phase = iota // between turns whose beginning was not seen
	phaseStart                // before the first byte of a message
	phaseHead                 // within a head, which is in stream.held
	phaseLength               // left bytes of body to come
	phaseChunked              // in a chunked body
	phaseBlind                // in a chunked body, framing lost
	phaseClose                // in a body that the connection's end ends
	phaseCut                  // in a message whose head was not seen whole
)

// stream is one direction.
type stream struct {
	phase phase
	last  uint64 // ns, when bytes last moved

	held     []byte // of a head that came in pieces
	searched int    // bytes of held that no head ends in
	lineSeen bool   // held begins with a whole first line that fits

	left    uint64 // of a body of known length
	size    uint64 // of the body, so far
	chunked chunked
}

// parser follows one connection. Requests wait in a queue, the first of them
// is the one being answered.
type parser struct {
	sink    flow.Sink
	formats propagation.Formats
	matcher propagation.Matcher
	headers headers
	role    abi.Role
	streams [2]stream // by direction
	ask     abi.Direction
	// tried: ask is where a request seems to begin; the role says whether
	// it was one.
	tried bool

	forming request   // whose head is being read
	queue   []request // answered in order
	first   int       // of the queue

	status   int  // of the response being read, 0: none
	lost     bool // the head of the response to the first request was lost
	failures int
	span     [8]uint8 // the kernel's, of the request before; zero: none
	done     bool

	names names // of the connection and the requests before
}

var _ flow.Parser = (*parser)(nil)

func (p *parser) waiting() int { return len(p.queue) - p.first }

func (p *parser) front() *request { return &p.queue[p.first] }

func (p *parser) isRequest(d abi.Direction) bool { return p.tried && d == p.ask }

// State implements flow.Parser.
func (p *parser) State() flow.State {
	s := flow.State{Open: p.waiting(), Done: p.done}
	s.Buffered = cap(p.streams[0].held) + cap(p.streams[1].held)
	if p.role == abi.RoleUnknown {
		return s
	}
	requests, responses := &p.streams[p.ask], &p.streams[p.ask^1]
	s.Expects[p.ask] = requests.phase == phaseStart || requests.phase == phaseHead
	if s.Open == 0 {
		return s
	}
	s.Expects[p.ask^1] = !p.lost && (responses.phase == phaseStart || responses.phase == phaseHead)
	switch responses.phase {
	case phaseLength, phaseChunked, phaseBlind:
		s.Counting = true
	case phaseCut:
		s.Quiet = true
	}
	s.Quiet = s.Quiet || p.lost
	return s
}

// Feed implements flow.Parser.
func (p *parser) Feed(c *flow.Chunk) {
	if p.done {
		return
	}
	s := &p.streams[c.Direction]
	if len(c.Data) > 0 {
		if c.Flags&(abi.FlagTurn|abi.FlagRequestStart) != 0 {
			p.resynchronise(s, c)
		}
		for at := 0; at < len(c.Data) && !p.done; {
			at += p.step(s, c, at)
			s.last = c.Time
		}
	}
	if c.Flags&abi.FlagEof != 0 && !p.done {
		p.endOfInput(c)
	}
}

// resynchronise looks at the beginning of a turn for a message where the stream
// does not know where it stands.
func (p *parser) resynchronise(s *stream, c *flow.Chunk) {
	switch {
	case p.role == abi.RoleUnknown && p.tried && c.Direction != p.ask &&
		p.streams[p.ask].phase == phaseHead && sniffResponse(c.Data) != flow.No:
		// An answer to a head that is not whole yet.
		s.reset(phaseStart)
	case p.role == abi.RoleUnknown:
		if sniffRequest(c.Data) == flow.No {
			if sniffResponse(c.Data) == flow.Yes {
				p.sink.Drop(flow.DropOrphanResponse)
			}
			return
		}
		p.streams[c.Direction^1].reset(phaseLost)
		p.ask, p.tried = c.Direction, true
		s.reset(phaseStart)
	case c.Direction == p.ask:
		switch s.phase {
		case phaseLost:
			if sniffRequest(c.Data) != flow.No {
				s.reset(phaseStart)
			}
		case phaseLength, phaseChunked, phaseBlind:
			if p.waiting() == 0 && s.refused(c) {
				s.reset(phaseStart)
			}
		}
	case s.phase == phaseLost && sniffResponse(c.Data) != flow.No:
		if p.lost { // of the same response, or of another
			return
		}
		s.reset(phaseStart)
	}
}

// refused reports whether a new request begins where a body was announced. The
// answer may come before the body, and then no body follows: RFC 9110 section
// 10.1.1.
func (s *stream) refused(c *flow.Chunk) bool {
	v := sniffRequest(c.Data)
	if s.size == 0 && (v == flow.Yes || v == flow.Maybe && c.Flags&abi.FlagRequestStart != 0) {
		return true
	}
	return v == flow.Yes && sniffLine(c.Data) == flow.Yes
}

func (s *stream) reset(to phase) {
	*s = stream{phase: to, last: s.last}
}

// step consumes some bytes of the chunk from at on.
func (p *parser) step(s *stream, c *flow.Chunk, at int) int {
	b := c.Data[at:]
	switch s.phase {
	case phaseStart:
		return p.begin(s, c, at)
	case phaseHead:
		return p.head(s, c, b)
	case phaseLength:
		n := min(s.left, uint64(len(b)))
		s.take(n)
		if s.left == 0 {
			p.bodyDone(s, c.Direction, c.Time, true)
		}
		return int(n)
	case phaseChunked:
		n, progress := s.chunked.feed(b)
		s.size = s.chunked.size
		switch progress {
		case done:
			p.bodyDone(s, c.Direction, c.Time, true)
		case broken:
			p.sink.Drop(flow.DropMalformed)
			s.phase = phaseBlind
		}
		return n
	case phaseBlind:
		if endsChunked(b) {
			p.bodyDone(s, c.Direction, c.Time, false)
		}
	case phaseClose:
		s.size += uint64(len(b))
	}
	return len(b)
}

func (s *stream) take(n uint64) {
	s.left -= n
	s.size += n
}

// Skip implements flow.Parser.
func (p *parser) Skip(g *flow.Gap) {
	if p.done {
		return
	}
	s := &p.streams[g.Direction]
	s.last = max(s.last, g.Last)
	n := g.Bytes
	switch s.phase {
	case phaseStart:
		p.loseHead(s, g)
	case phaseHead:
		p.cutHead(s, g.Direction)
	case phaseLength:
		body := min(n, s.left)
		s.take(body)
		if s.left > 0 {
			return
		}
		p.bodyDone(s, g.Direction, g.Last, true)
		if n > body && !p.done {
			p.loseHead(s, g)
		}
	case phaseChunked:
		if s.chunked.skip(n) {
			s.size = s.chunked.size
			return
		}
		s.phase = phaseBlind
		fallthrough
	case phaseBlind:
		if endsChunked(g.Tail) {
			p.bodyDone(s, g.Direction, g.Last, false)
		}
	case phaseClose:
		s.size += n
	}
}

// loseHead takes a gap where a message should have begun.
func (p *parser) loseHead(s *stream, g *flow.Gap) {
	s.reset(phaseLost)
	if p.isRequest(g.Direction) {
		p.sink.Drop(flow.DropLostHead)
	} else if p.waiting() > 0 {
		p.loseResponse(flow.DropLostHead)
	}
}

// loseResponse gives up the head of the response to the first request: it will
// be reported without status once it is clear that it was answered.
func (p *parser) loseResponse(why flow.Drop) {
	p.sink.Drop(why)
	p.lost = true
}

// bodyDone ends the message of a direction.
func (p *parser) bodyDone(s *stream, d abi.Direction, now uint64, sized bool) {
	size := s.size
	s.reset(phaseStart)
	if p.isRequest(d) {
		// The newest request is last in the queue, unless it has been
		// answered already: then the queue is empty.
		if p.waiting() > 0 && sized {
			r := &p.queue[len(p.queue)-1]
			r.size, r.sized = size, true
		}
		return
	}
	p.finish(now, outcome{size: size, sized: sized})
}

// endOfInput takes the peer's end of stream. What the target asked for can only
// have been answered before it; what it serves may still be answered after.
func (p *parser) endOfInput(c *flow.Chunk) {
	if p.role == abi.RoleClient && c.Direction == abi.DirectionReceived {
		p.End(flow.Ending{Reason: flow.EndRemote, Time: c.Time})
	}
}
