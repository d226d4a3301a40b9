package flow

import (
	"testing"
	"unsafe"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// FuzzHandle takes any sequence of records that pass the decoder: each begins
// with a byte that chooses the kind and a byte for its length.
func FuzzHandle(f *testing.F) {
	size := int(unsafe.Sizeof(abi.EventHeader{}))
	record := func(kind abi.EventKind, n int) []byte {
		b := make([]byte, 2+n)
		b[0], b[1] = byte(kind), byte(n)
		return b
	}
	f.Add(append(record(abi.EventOpen, 255), record(abi.EventData, 200)...))
	f.Add(append(record(abi.EventData, 170), record(abi.EventClose, 200)...))
	f.Add(record(abi.EventExit, size))
	f.Add(append(record(abi.EventData, 200), append(record(abi.EventClaim, 200), record(abi.EventClose, 200)...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		o := Options{MaxConnections: 4, MaxBuffered: 2000}
		a := New([]Protocol{lines{mark: 'a', hold: 100}, lines{mark: 'b'}}, func(x *Exchange) {
			if x.Conn == nil {
				t.Error("an exchange without connection")
			}
		}, o)
		var ev event.Event
		now := uint64(0)
		for len(b) > 2 {
			kind, n := b[0]&15, 256+int(b[1])
			r := make([]byte, n)
			b = b[2+copy(r, b[2:]):]
			*(*uint16)(unsafe.Pointer(&r[0])) = uint16(kind)
			*(*uint32)(unsafe.Pointer(&r[4])) = uint32(n)
			tame(r)
			if event.Decode(r, &ev) != nil {
				if ev.Kind() == abi.EventCall {
					a.Call(&ev.Header) // which is all that it looks at
				}
				continue
			}
			a.Handle(&ev)
			now += uint64(n) << 20
			if n&1 != 0 {
				a.Tick(now, randomLedger(r))
			}
			if s := a.Stats(); s.Connections > 4 || s.Buffered < 0 || s.Buffered > 16000 {
				t.Fatalf("%+v", s)
			}
		}
		a.Close(now)
		if s := a.Stats(); s.Connections != 0 || s.Buffered != 0 {
			t.Fatalf("left behind: %+v", s)
		}
	})
}

// tame keeps the few fields small that would else never meet.
func tame(r []byte) {
	h := (*abi.EventHeader)(unsafe.Pointer(&r[0]))
	h.Sock &= 7
	h.Gen &= 1
	h.Tgid &= 3
	d := (*abi.DataEvent)(unsafe.Pointer(&r[0]))
	if abi.EventKind(h.Kind) == abi.EventData {
		d.Direction &= 1
		d.TailLen &= 7
		d.OtherTailLen &= 7
		d.Captured &= 63
		d.Length = max(d.Length, d.Captured)
	}
}

type randomLedger []byte

func (l randomLedger) Conn(sock uint64) (abi.Conn, bool) {
	var c abi.Conn
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&c)), unsafe.Sizeof(c)), l)
	c.Gen &= 1
	return c, sock&1 == 0
}
