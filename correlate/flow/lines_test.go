package flow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// lines is a protocol for tests: a request is a line that begins with the
// protocol's mark, the answer is any line. Bodies follow "+N".
type lines struct {
	mark byte
	hold int // bytes that a parser pretends to hold
}

func (p lines) Name() string { return "lines" }

func (p lines) Sniff(_ abi.Direction, turn []byte) Verdict {
	switch {
	case turn[0] == p.mark, len(turn) > 1 && turn[0] == '.' && turn[1] == p.mark:
		return Yes
	case turn[0] == '.' && len(turn) == 1:
		return Maybe
	}
	return No
}

func (p lines) New(s Sink) Parser { return &lineParser{sink: s, hold: p.hold} }

// lineParser writes down what it is told.
type lineParser struct {
	sink  Sink
	log   []string
	state State
	hold  int
}

func (p *lineParser) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *lineParser) Feed(c *Chunk) {
	p.note("%d:%s", c.Direction, c.Data)
	switch {
	case c.Flags&abi.FlagEof != 0:
		p.note("eof")
	case bytes.HasSuffix(c.Data, []byte("?")): // a question is open until "!"
		p.state.Open++
		p.state.Buffered += p.hold
		p.sink.SetRole(abi.RoleServer)
		p.state.Expects[1] = true
	case bytes.HasSuffix(c.Data, []byte("…")):
		p.state.Counting = true
		p.state.Expects[1] = false
	case bytes.HasSuffix(c.Data, []byte("~")):
		p.state.Quiet = true
	case bytes.HasSuffix(c.Data, []byte("!")):
		p.answer(c.Time)
	case bytes.HasSuffix(c.Data, []byte("done")):
		p.state.Done = true
	}
}

func (p *lineParser) answer(now uint64) {
	p.sink.Emit(&Exchange{Conn: p.sink.Conn(), Name: strings.Join(p.log, " "), Start: 1, End: now})
	p.log, p.state = nil, State{}
}

func (p *lineParser) Skip(g *Gap) {
	p.note("%d:gap %d %q", g.Direction, g.Bytes, g.Tail)
	if string(g.Tail) == "!" {
		p.answer(g.Last)
	}
}

func (p *lineParser) End(e Ending) {
	p.note("end %d", e.Reason)
	if p.state.Open > 0 && e.Reason != EndForget {
		p.answer(e.Time)
	}
	p.state = State{}
}

func (p *lineParser) State() State { return p.state }

// bench drives an assembler with events made by hand.
type bench struct {
	*Assembler
	t      *testing.T
	now    uint64
	sock   uint64
	gen    uint64
	moved  [2]uint64
	found  []*Exchange
	kernel abi.Conn
	asked  int
}

func newBench(t *testing.T, o Options, protocols ...Protocol) *bench {
	if len(protocols) == 0 {
		protocols = []Protocol{lines{mark: 'a'}, lines{mark: 'b'}}
	}
	b := &bench{t: t, now: 1e9, sock: 1, gen: 1}
	b.Assembler = New(protocols, func(x *Exchange) { b.found = append(b.found, x) }, o)
	return b
}

func (b *bench) Conn(sock uint64) (abi.Conn, bool) {
	b.asked++
	return b.kernel, sock == b.sock
}

func (b *bench) header(kind abi.EventKind) abi.EventHeader {
	b.now += 1000
	return abi.EventHeader{Kind: uint16(kind), Ktime: b.now, Tgid: 42, Sock: b.sock, Gen: b.gen}
}

func (b *bench) open() {
	h := b.header(abi.EventOpen)
	b.Handle(&event.Event{Header: h, Open: abi.OpenEvent{H: h, FromStart: 1}})
}

func (b *bench) data(d abi.Direction, s string, edit ...func(*event.Event)) {
	h := b.header(abi.EventData)
	ev := event.Event{Header: h, Payload: []byte(s)}
	ev.Header.Flags = uint16(abi.FlagTurn)
	ev.Data = abi.DataEvent{H: h, Offset: b.moved[d], OtherBytes: b.moved[d^1], Direction: uint8(d), Length: uint32(len(s)), Captured: uint32(len(s))}
	b.moved[d] += uint64(len(s))
	for _, f := range edit {
		f(&ev)
	}
	b.Handle(&ev)
}

func (b *bench) close(reason abi.CloseReason) {
	h := b.header(abi.EventClose)
	b.Handle(&event.Event{Header: h, Close: abi.CloseEvent{H: h, Reason: uint8(reason), ReceivedBytes: b.moved[0], SentBytes: b.moved[1]}})
}

func (b *bench) wait(d time.Duration) {
	for end := b.now + uint64(d); b.now < end; {
		b.now += 100_000_000
		b.Tick(b.now, b)
	}
}

func (b *bench) expect(want ...string) {
	b.t.Helper()
	var got []string
	for _, x := range b.found {
		got = append(got, x.Name)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("got\n%q\nwant\n%q\n%+v", got, want, b.Stats())
	}
	b.found = nil
}
