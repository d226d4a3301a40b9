package flow

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	in  = abi.DirectionReceived
	out = abi.DirectionSent
)

func TestGapsComeInOrder(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.data(out, "yes…", func(ev *event.Event) {
		ev.Data.Length += 100
		ev.Data.TailLen = uint8(copy(ev.Data.Tail[:], "tail"))
		b.moved[1] += 100
	})
	b.moved[1] += 50
	b.data(in, "more", func(ev *event.Event) {
		ev.Data.OtherTailLen = uint8(copy(ev.Data.OtherTail[:], "othr"))
	})
	b.moved[1] += 7
	b.data(out, "!", func(ev *event.Event) { ev.Data.Previous = 5 })
	b.expect(`0:a? 1:yes… 1:gap 100 "tail" 1:gap 50 "othr" 0:more 1:gap 7 "" 1:!`)
	if s := b.Stats(); s.Gaps != 3 || s.GapBytes != 157 {
		t.Errorf("%+v", s)
	}
}

func TestLateAndOverlapping(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a1")
	at := func(n uint64) func(*event.Event) { return func(ev *event.Event) { ev.Data.Offset = n } }
	b.data(in, "a1", at(0))
	b.data(in, "123?", at(1))
	b.moved[in] = 5
	b.data(out, "!")
	b.expect("0:a1 0:23? 1:!")
	if b.Stats().Late != 1 {
		t.Errorf("%+v", b.Stats())
	}
}

func TestSniffing(t *testing.T) {
	t.Run("order", func(t *testing.T) {
		b := newBench(t, Options{}, lines{mark: 'b'}, lines{mark: 'a'})
		b.open()
		b.data(in, "a?")
		b.data(out, "!")
		b.expect("0:a? 1:!")
	})
	t.Run("in pieces", func(t *testing.T) {
		b := newBench(t, Options{})
		b.open()
		b.data(in, ".")
		b.data(in, "a?", func(ev *event.Event) { ev.Header.Flags = 0 })
		b.data(out, "!")
		b.expect("0:. 0:a? 1:!")
		if b.Stats().Buffered != 0 {
			t.Errorf("%+v", b.Stats())
		}
	})
	t.Run("left alone", func(t *testing.T) {
		b := newBench(t, Options{})
		b.open()
		for range 10 {
			b.data(in, "x")
			b.data(out, ".")
		}
		b.data(in, "a?")
		b.data(out, "!")
		b.expect()
		if s := b.Stats(); s.LeftAlone != 1 || s.Buffered != 0 || s.Connections != 1 {
			t.Errorf("%+v", s)
		}
		b.close(abi.CloseLocal)
		if s := b.Stats(); s.Connections != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("later turn", func(t *testing.T) {
		b := newBench(t, Options{})
		b.open()
		b.data(out, "hello from the server")
		b.data(in, "a?")
		b.data(out, "!")
		b.expect("0:a? 1:!")
	})
}

func TestDone(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a done")
	b.data(in, "a?")
	b.data(out, "!")
	b.expect()
	if s := b.Stats(); s.Finished != 1 {
		t.Errorf("%+v", s)
	}
}

func TestEndings(t *testing.T) {
	for reason, want := range map[abi.CloseReason]EndReason{
		abi.CloseLocal: EndClosed, abi.CloseRemote: EndRemote, abi.CloseReset: EndReset, abi.CloseUnknown: EndUnknown, 77: EndUnknown,
	} {
		b := newBench(t, Options{})
		b.open()
		b.data(in, "a?")
		b.close(reason)
		b.wait(heldForClose)
		b.expect(fmt.Sprintf("0:a? end %d", want))
		if s := b.Stats(); s.Connections != 0 || len(b.watched) != 0 || len(b.processes) != 0 || b.byIdle.front != nil {
			t.Errorf("left behind: %+v", s)
		}
	}
}

func TestExit(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	h := b.header(abi.EventExit)
	b.Handle(&event.Event{Header: h})
	b.wait(500 * time.Millisecond)
	b.expect()
	b.wait(time.Second)
	b.expect(fmt.Sprintf("0:a? end %d", EndExit))

	// A socket that another process goes on with is not ended.
	b = newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.Handle(&event.Event{Header: b.header(abi.EventExit)})
	b.data(out, "still", func(ev *event.Event) { ev.Header.Tgid = 43 })
	b.wait(5 * time.Second)
	b.data(out, "!")
	b.expect("0:a? 1:still 1:!")
}

func TestTimeoutAndIdle(t *testing.T) {
	b := newBench(t, Options{Timeout: time.Minute, Idle: 3 * time.Minute})
	b.open()
	b.data(in, "a?")
	b.kernel = abi.Conn{Gen: 1}
	b.kernel.Half[0].Last = b.now + uint64(30*time.Second) // an upload that is only counted
	b.wait(80 * time.Second)
	b.expect()
	b.wait(30 * time.Second)
	b.expect(fmt.Sprintf("0:a? end %d", EndTimeout))
	b.wait(5 * time.Minute)
	if s := b.Stats(); s.TimedOut != 1 || s.EvictedIdle != 1 || s.Connections != 0 {
		t.Errorf("%+v", s)
	}
}

func TestQuiet(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.data(out, "~")
	b.wait(900 * time.Millisecond)
	b.expect()
	b.wait(300 * time.Millisecond)
	b.expect(fmt.Sprintf("0:a? 1:~ end %d", EndQuiet))
	if len(b.watched) != 0 {
		t.Errorf("still watched")
	}
}

func TestLedger(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.data(out, "…")
	b.kernel = abi.Conn{Gen: 1, Direction: uint8(out)}
	half := &b.kernel.Half[out]
	half.Bytes, half.Last, half.TailLen, half.Tail = b.moved[out]+9, b.now+50_000_000, 1, [8]uint8{'!'}
	b.wait(time.Second)
	b.expect(`0:a? 1:… 1:gap 9 "!"`)
	if b.asked > 10 {
		t.Errorf("asked %d times", b.asked)
	}
	// Gone from the kernel: the close event was lost.
	b = newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.data(out, "…")
	b.wait(5 * time.Second)
	b.expect(fmt.Sprintf("0:a? 1:… end %d", EndUnknown))
}

func TestFlood(t *testing.T) {
	b := newBench(t, Options{MaxConnections: 100})
	for i := range uint64(10_000) {
		b.sock, b.moved = i+1, [2]uint64{}
		b.open()
		b.data(in, "a?")
	}
	s := b.Stats()
	if s.Connections != 100 || s.EvictedFull != 9900 || len(b.processes) != 1 {
		t.Errorf("%+v", s)
	}
	b.Close(b.now)
	if s := b.Stats(); s.Connections != 0 || s.Buffered != 0 || len(b.processes) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMaxBuffered(t *testing.T) {
	b := newBench(t, Options{MaxBuffered: 1000}, lines{mark: 'a', hold: 300})
	for i := range uint64(10) {
		b.sock, b.moved = i+1, [2]uint64{}
		b.open()
		b.data(in, "a?")
		if n := b.Stats().Buffered; n > 1000 {
			t.Fatalf("%d bytes buffered", n)
		}
	}
	if s := b.Stats(); s.EvictedBuffer != 7 {
		t.Errorf("%+v", s)
	}
	b.Close(b.now)
	if s := b.Stats(); s.Buffered != 0 {
		t.Errorf("%+v", s)
	}
}

// A Conn that an exchange refers to never changes.
func TestConnIsFrozenOnceEmitted(t *testing.T) {
	b := newBench(t, Options{})
	b.data(in, "a?")
	b.data(out, "!")
	before := b.found[0].Conn
	copied := *before
	b.open()
	b.data(in, "a?")
	b.data(out, "!")
	if *before != copied || b.found[1].Conn == before || !b.found[1].Conn.FromStart {
		t.Errorf("%+v then %+v", before, b.found[1].Conn)
	}
}

func TestReuseOfAddress(t *testing.T) {
	b := newBench(t, Options{})
	b.open()
	b.data(in, "a?")
	b.gen, b.moved = 2, [2]uint64{}
	b.open()
	b.expect(fmt.Sprintf("0:a? end %d", EndUnknown))
	b.gen = 1
	b.data(in, "a?")
	b.close(abi.CloseLocal)
	if s := b.Stats(); s.Late != 2 || s.Connections != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDropNames(t *testing.T) {
	seen := map[string]bool{}
	for d := range Drops {
		if n := d.String(); n == "unknown" || seen[n] {
			t.Errorf("drop %d is called %q", d, n)
		}
		seen[d.String()] = true
	}
}
