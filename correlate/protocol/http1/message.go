package http1

import (
	"bytes"
	"net/http"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

// begin takes the first bytes of a message.
func (p *parser) begin(s *stream, c *flow.Chunk, at int) int {
	b := c.Data[at:]
	rest := skipEmptyLines(b)
	if len(rest) == 0 {
		return len(b)
	}
	skipped := len(b) - len(rest)
	if p.isRequest(c.Direction) {
		if sniffRequest(rest) == flow.No {
			p.notHTTP(s)
			return len(b)
		}
		p.forming = newRequest(c, at == 0)
	} else if sniffResponse(rest) == flow.No {
		s.reset(phaseLost)
		if p.waiting() > 0 {
			p.loseResponse(flow.DropMalformed)
		}
		return len(b)
	}
	s.phase = phaseHead
	return skipped + p.head(s, c, rest)
}

// notHTTP takes bytes that begin no request where one should begin.
func (p *parser) notHTTP(s *stream) {
	s.reset(phaseLost)
	if p.role == abi.RoleUnknown {
		p.tried = false
	} else {
		p.sink.Drop(flow.DropMalformed)
	}
	if p.failures++; p.failures >= maxFailures && p.waiting() == 0 {
		p.done = true
	}
}

// head takes bytes of a head: in place if it is whole, through the stream's
// buffer if it came in pieces. It returns how many it consumed.
func (p *parser) head(s *stream, c *flow.Chunk, b []byte) int {
	if len(s.held) == 0 {
		if end := p.wholeHead(s, c, b[:min(len(b), maxHead)]); end >= 0 {
			return end
		}
	} else if p.isRequest(c.Direction) {
		p.forming.follow(c)
	}
	before := len(s.held)
	s.held = append(s.held, b[:min(len(b), maxHead-before)]...)
	if before > 0 {
		if end := headEnd(s.held, s.searched); end >= 0 {
			p.wholeHead(s, c, s.held[:end])
			return end - before
		}
	}
	s.searched = max(0, len(s.held)-2)
	switch {
	case len(s.held) >= maxHead:
		p.sink.Drop(flow.DropHeadTooLong)
		p.cutHead(s, c.Direction)
	case !p.fits(s, c.Direction):
		if p.isRequest(c.Direction) {
			p.notHTTP(s)
		} else {
			s.reset(phaseLost)
			if p.waiting() > 0 {
				p.loseResponse(flow.DropMalformed)
			}
		}
	}
	return len(b)
}

// fits reports whether the held part can still become a head.
func (p *parser) fits(s *stream, d abi.Direction) bool {
	if s.lineSeen {
		return true
	}
	s.lineSeen = bytes.IndexByte(s.held, '\n') >= 0
	switch {
	case !p.isRequest(d):
		return sniffResponse(s.held) != flow.No
	case s.lineSeen:
		return sniffLine(s.held) == flow.Yes
	}
	return sniffRequest(s.held) != flow.No
}

// wholeHead takes a head with its empty line and returns its length, or -1 if b
// does not hold all of it.
func (p *parser) wholeHead(s *stream, c *flow.Chunk, b []byte) int {
	line, rest, whole := nextLine(b)
	if !whole {
		return -1
	}
	f := fields{matcher: p.matcher, headers: p.headers}
	length := f.parse(rest)
	if length < 0 {
		return -1
	}
	length += len(b) - len(rest)
	if f.tooMany {
		p.sink.Drop(flow.DropHeadTooLong)
	}
	if p.isRequest(c.Direction) {
		l, ok := splitRequestLine(trimLine(line))
		if !ok {
			p.notHTTP(s)
			return length
		}
		p.request(s, c.Direction, l, &f)
		p.enter(s, c.Direction, &f, f.framing(false, l.minor))
		return length
	}
	minor, status, ok := splitStatusLine(trimLine(line))
	if !ok {
		s.reset(phaseLost)
		if p.waiting() > 0 {
			p.loseResponse(flow.DropMalformed)
		}
		return length
	}
	p.response(s, c, status, &f, f.framing(true, minor))
	return length
}

// enter goes on from a head to what follows it.
func (p *parser) enter(s *stream, d abi.Direction, f *fields, how framing) {
	if p.done {
		s.held = nil
		return
	}
	s.reset(phaseStart)
	switch how {
	case framingLength:
		s.phase, s.left = phaseLength, f.length
	case framingChunked:
		s.phase = phaseChunked
	case framingClose:
		s.phase = phaseClose
	case framingUnknown:
		s.phase = phaseCut
		if p.isRequest(d) {
			s.phase = phaseLost
		}
	}
}

// cutHead takes a head whose rest will not be seen. Its first line is enough
// for an exchange.
func (p *parser) cutHead(s *stream, d abi.Direction) {
	line, rest, whole := nextLine(s.held)
	if p.isRequest(d) {
		if !p.promote(s, d) {
			p.sink.Drop(flow.DropLostHead)
			s.reset(phaseLost)
		}
		return
	}
	_, status, ok := splitStatusLine(trimLine(line))
	if !whole || !ok || status < 200 {
		s.reset(phaseLost)
		if p.waiting() > 0 {
			p.loseResponse(flow.DropLostHead)
		}
		return
	}
	f := fields{matcher: p.matcher, headers: p.headers}
	f.parse(rest)
	if p.waiting() == 0 {
		p.sink.Drop(flow.DropOrphanResponse)
		s.reset(phaseLost)
		return
	}
	p.answered(status, &f)
	p.enter(s, d, &f, framingUnknown)
}

// promote makes a request of a head that is not whole, if its first line is.
func (p *parser) promote(s *stream, d abi.Direction) bool {
	line, rest, whole := nextLine(s.held)
	l, ok := splitRequestLine(trimLine(line))
	if !whole {
		l, ok = splitCutLine(s.held)
	}
	if !ok {
		return false
	}
	f := fields{matcher: p.matcher, headers: p.headers}
	f.parse(rest)
	p.request(s, d, l, &f)
	p.enter(s, d, &f, framingUnknown)
	return true
}

// response takes the head of a response.
func (p *parser) response(s *stream, c *flow.Chunk, status int, f *fields, how framing) {
	if p.waiting() == 0 {
		// The server may answer a head that it did not wait for.
		if asks := &p.streams[p.ask]; p.tried && asks.phase == phaseHead && status >= 400 {
			p.promote(asks, p.ask)
		}
	}
	if p.waiting() == 0 {
		p.sink.Drop(flow.DropOrphanResponse)
		s.reset(phaseLost)
		return
	}
	r := p.front()
	switch {
	case status == http.StatusSwitchingProtocols, r.connect && status/100 == 2:
		p.answered(status, f)
		p.finish(c.Time, outcome{})
		p.abandon()
		return
	case status < 200: // an interim response: RFC 9110 section 15.2
		s.reset(phaseStart)
		return
	case !httpspan.BodySent(r.method, status):
		how = framingNone
		f.hasLength = false
	}
	p.answered(status, f)
	p.enter(s, c.Direction, f, how)
	if how == framingNone {
		p.finish(c.Time, outcome{sized: f.hasLength})
	}
}

// answered notes the final response to the first request.
func (p *parser) answered(status int, f *fields) {
	p.status = status
	r := p.front()
	r.headers = append(r.headers, f.headerAttributes(true)...)
}

// abandon leaves the connection alone. Requests that were sent along with the
// one that changed its protocol are no HTTP any more.
func (p *parser) abandon() {
	for ; p.first < len(p.queue); p.first++ {
		p.sink.Drop(flow.DropMalformed)
	}
	p.queue, p.first, p.done = nil, 0, true
	p.streams = [2]stream{}
}
