package http1

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/probes/event"
)

// kernel plays the kernel's part for one connection: it makes the records that
// the programs under bpf/ would make, with their limits, and is the ledger.
type kernel struct {
	t       testing.TB
	a       *flow.Assembler
	limit   int // bytes captured of a turn, default 4096
	events  int // events sent of a turn, default 8
	now     uint64
	sock    uint64
	gen     uint64
	conn    abi.Conn
	turn    int8 // direction, -1: none
	spans   byte
	ctx     abi.TraceContext
	next    *abi.TraceContext // of the next request
	flags   abi.EventFlag     // of the next request
	held    [][]byte          // records kept back
	holding bool
	records [][]byte
	found   []*flow.Exchange
}

const (
	server = abi.DirectionReceived // the direction of its requests
	client = abi.DirectionSent
)

func newKernel(t testing.TB, o flow.Options) *kernel {
	k := &kernel{t: t, limit: 4096, events: 8, now: 1_000_000, sock: 0xffff888000001000, gen: 1, turn: -1}
	k.conn.Gen = k.gen
	k.a = flow.New([]flow.Protocol{New(propagation.All(), nil)}, func(x *flow.Exchange) { k.found = append(k.found, x) }, o)
	return k
}

func encode[T any](v *T, payload []byte) []byte {
	return append(append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))...), payload...)
}

func (k *kernel) header(kind abi.EventKind) abi.EventHeader {
	k.now += 1000
	return abi.EventHeader{Kind: uint16(kind), Ktime: k.now, Tgid: 42, Tid: 42, Task: 42, Sock: k.sock, Gen: k.gen, Ctx: k.ctx}
}

func (k *kernel) deliver(r []byte) {
	if k.holding {
		k.held = append(k.held, r)
		return
	}
	k.records = append(k.records, r)
	var ev event.Event
	if err := event.Decode(r, &ev); err != nil {
		k.t.Fatalf("decoding: %v", err)
	}
	k.a.Handle(&ev)
}

func (k *kernel) open(fromStart, active bool) {
	o := abi.OpenEvent{H: k.header(abi.EventOpen), Family: unix.AF_INET, LocalPort: 8080, RemotePort: 51000, Netns: 7}
	if active {
		o.LocalPort, o.RemotePort = o.RemotePort, o.LocalPort
		o.Active = 1
	}
	if fromStart {
		o.FromStart = 1
	}
	copy(o.Local[:], []byte{10, 0, 0, 1})
	copy(o.Remote[:], []byte{10, 0, 0, 2})
	o.H.Len = uint32(unsafe.Sizeof(o))
	k.deliver(encode(&o, nil))
}

// request moves bytes of which the first begins a request.
func (k *kernel) request(d abi.Direction, b string) {
	k.spans++
	k.ctx = abi.TraceContext{TraceId: [16]uint8{1, k.spans}, SpanId: [8]uint8{2, k.spans}}
	k.move(d, []byte(b), len(b), abi.FlagRequestStart|k.flags)
}

func (k *kernel) bytes(d abi.Direction, b string) { k.move(d, []byte(b), len(b), 0) }

// count moves n bytes whose buffer nobody can read.
func (k *kernel) count(d abi.Direction, n int) { k.move(d, nil, n, 0) }

func (k *kernel) move(d abi.Direction, b []byte, length int, flags abi.EventFlag) {
	half, other := &k.conn.Half[d], &k.conn.Half[d^1]
	if k.turn != int8(d) {
		k.turn = int8(d)
		half.TurnEvents, half.TurnCaptured = 0, 0
		flags |= abi.FlagTurn
	}
	k.conn.Direction = uint8(d)
	h := k.header(abi.EventData)
	e := abi.DataEvent{
		H: h, Offset: half.Bytes, Start: h.Ktime - 500, Previous: half.Last,
		OtherBytes: other.Bytes, OtherLast: other.Last,
		Length: uint32(length), Direction: uint8(d),
	}
	e.OtherTailLen = other.TailLen
	e.OtherTail = other.Tail
	captured := min(len(b), max(0, k.limit-int(half.TurnCaptured)))
	silent := int(half.TurnEvents) >= k.events || captured == 0 && length > 0
	if silent {
		captured = 0
	}
	half.Bytes += uint64(length)
	half.Last = k.now
	half.TailLen, half.Tail = 0, [8]uint8{}
	if captured < length {
		n := min(len(b), len(half.Tail))
		half.TailLen = uint8(copy(half.Tail[:], b[len(b)-n:]))
	}
	if silent && flags&abi.FlagEof == 0 {
		return
	}
	half.TurnEvents++
	half.TurnCaptured += uint32(captured)
	e.Captured = uint32(captured)
	e.TailLen, e.Tail = half.TailLen, half.Tail
	e.H.Flags = uint16(flags)
	e.H.Len = uint32(int(unsafe.Sizeof(e)) + captured)
	k.deliver(encode(&e, b[:captured]))
}

func (k *kernel) eof() { k.move(abi.DirectionReceived, nil, 0, abi.FlagEof) }

func (k *kernel) close(reason abi.CloseReason, errno int32) {
	r, s := &k.conn.Half[0], &k.conn.Half[1]
	c := abi.CloseEvent{
		H: k.header(abi.EventClose), Reason: uint8(reason), Error: errno,
		ReceivedBytes: r.Bytes, SentBytes: s.Bytes, LastReceived: r.Last, LastSent: s.Last,
		ReceivedTail: r.Tail, SentTail: s.Tail, ReceivedTailLen: r.TailLen, SentTailLen: s.TailLen,
	}
	c.H.Flags = uint16(k.flags & abi.FlagResumed)
	c.H.Len = uint32(unsafe.Sizeof(c))
	k.deliver(encode(&c, nil))
}

func (k *kernel) exit() {
	p := abi.ProcessEvent{H: k.header(abi.EventExit)}
	p.H.Len = uint32(unsafe.Sizeof(p))
	k.deliver(encode(&p, nil))
}

// swap delivers what f makes in reverse order.
func (k *kernel) swap(f func()) {
	k.holding = true
	f()
	k.holding = false
	held := k.held
	k.held = nil
	for i := len(held) - 1; i >= 0; i-- {
		k.deliver(held[i])
	}
}

// lose drops the records that f makes, as a full ring does.
func (k *kernel) lose(f func()) {
	k.holding = true
	f()
	k.holding = false
	k.held = nil
}

func (k *kernel) Conn(sock uint64) (abi.Conn, bool) { return k.conn, sock == k.sock }

// wait lets time pass in ticks of 100 ms.
func (k *kernel) wait(ms int) {
	for range ms / 100 {
		k.now += 100_000_000
		k.a.Tick(k.now, k)
	}
}

func (k *kernel) settled() {
	k.t.Helper()
	if s := k.a.Stats(); s.Buffered < 0 || s.Connections == 0 && s.Buffered != 0 {
		k.t.Errorf("%d bytes buffered on %d connections", s.Buffered, s.Connections)
	}
}
