package flow

import (
	"testing"
	"time"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

func (b *bench) claim() { b.Handle(&event.Event{Header: b.header(abi.EventClaim)}) }

// call is what the correlator asks for each call.
func (b *bench) call() *Conn {
	h := b.header(abi.EventCall)
	return b.Assembler.Call(&h)
}

// nothingLeft fails if the assembler holds anything of a connection.
func (b *bench) nothingLeft() {
	b.t.Helper()
	if s := b.Stats(); s.Connections != 0 || s.Buffered != 0 || len(b.watched) != 0 || len(b.processes) != 0 || b.byIdle.front != nil {
		b.t.Errorf("left behind: %+v", s)
	}
}

// Whatever the parser was about, nothing of it is emitted or kept.
func TestClaimEndsParsing(t *testing.T) {
	for name, before := range map[string]func(b *bench){
		"before the first byte": func(b *bench) {},
		"open exchange":         func(b *bench) { b.data(in, "a?") },
		"answer under way":      func(b *bench) { b.data(in, "a?"); b.data(out, "…") },
		"waiting for silence":   func(b *bench) { b.data(in, "a?"); b.data(out, "~") },
		"sniffing":              func(b *bench) { b.data(in, ".") },
		"left alone":            func(b *bench) { b.data(in, "a done") },
		"answer held back": func(b *bench) {
			b.data(in, "a?")
			b.moved[in] += 2
			b.data(out, "!", func(ev *event.Event) { ev.Data.Offset += 3 })
		},
		"process gone": func(b *bench) {
			b.data(in, "a?")
			b.Handle(&event.Event{Header: b.header(abi.EventExit)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{}, lines{mark: 'a', hold: 100})
			b.open()
			before(b)
			b.claim()
			if s := b.Stats(); s.Buffered != 0 || s.Claimed != 1 || s.Connections != 1 {
				t.Errorf("%+v", s)
			}
			b.data(out, "!")
			b.data(in, "a?")
			b.data(out, "!")
			b.claim()
			b.close(abi.CloseReset)
			b.wait(2 * time.Second)
			b.expect()
			b.nothingLeft()
			if s := b.Stats(); s.Claimed != 1 || s.Drops != [Drops]uint64{} {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestClaimOfUnknownConnection(t *testing.T) {
	b := newBench(t, Options{})
	b.claim()
	b.data(in, "a?")
	b.data(out, "!")
	if c := b.call(); c == nil || c.Sock != b.sock || c.Tgid != 42 || c.Family != 0 {
		t.Errorf("%+v", c)
	}
	b.open() // late
	if c := b.call(); c == nil || !c.FromStart {
		t.Errorf("%+v", c)
	}
	b.expect()
	b.Close(b.now)
	b.nothingLeft()
}

func TestCall(t *testing.T) {
	b := newBench(t, Options{})
	if c := b.call(); c != nil || b.Stats().Connections != 0 {
		t.Errorf("of an unknown connection: %+v", c)
	}
	b.open()
	b.data(in, "a?")
	first := b.call() // its claim was lost
	if first == nil || b.Stats().Claimed != 1 || b.Assembler.Call(&abi.EventHeader{Gen: 1}) != nil {
		t.Errorf("%+v, %+v", first, b.Stats())
	}
	copied := *first
	b.open()
	b.Handle(&event.Event{Header: b.header(abi.EventOpen), Open: abi.OpenEvent{Netns: 7}})
	if *first != copied || b.call().Netns != 7 {
		t.Errorf("%+v then %+v", copied, *first)
	}
	b.data(out, "!")
	b.expect()
}

// A library may tell of a failure after the connection was closed for it.
func TestCallBehindClose(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.claim()
	b.close(abi.CloseReset)
	if b.call() == nil {
		t.Error("forgotten at once")
	}
	b.wait(300 * time.Millisecond)
	if b.call() != nil {
		t.Error("not forgotten")
	}
	b.nothingLeft()
}

// A close that was held back for bytes ends with the claim.
func TestClaimBehindClose(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.close(abi.CloseReset)
	b.claim()
	b.expect()
	b.wait(300 * time.Millisecond)
	b.expect()
	b.nothingLeft()
}

func TestClaimAndReuseOfAddress(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.claim()
	b.gen, b.moved = 2, [2]uint64{}
	b.open()
	b.data(in, "a?")
	b.gen = 1
	b.claim()
	if c := b.call(); c != nil {
		t.Errorf("%+v for a call of the past", c)
	}
	b.gen = 2
	b.data(out, "!") // the claim was the other one's
	b.expect("0:a? 1:!")
	b.gen = 3
	if c := b.call(); c != nil {
		t.Errorf("%+v for a call of the future", c)
	}
	b.nothingLeft()
	if s := b.Stats(); s.Late != 2 || s.Claimed != 1 {
		t.Errorf("%+v", s)
	}
}

func TestClaimedAreEvicted(t *testing.T) {
	b := newBench(t, Options{MaxConnections: 10, Idle: time.Minute})
	for i := range uint64(100) {
		b.sock = i + 1
		b.claim()
	}
	if s := b.Stats(); s.Connections != 10 || s.Claimed != 100 {
		t.Errorf("%+v", s)
	}
	for range 10 {
		b.wait(30 * time.Second)
		if b.call() == nil { // keeps its connection alive
			t.Fatal("forgotten in use")
		}
	}
	b.kernel.Gen = b.gen
	b.wait(5 * time.Minute) // of a call
	if s := b.Stats(); s.Connections != 1 || s.EvictedIdle != 9 {
		t.Errorf("%+v", s)
	}
	b.kernel.Gen = 0 // the close event was lost
	b.wait(2 * time.Minute)
	if s := b.Stats(); s.Connections != 0 || s.EvictedIdle != 10 {
		t.Errorf("%+v", s)
	}
	b.Close(b.now)
	b.nothingLeft()
}
