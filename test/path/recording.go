package main

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// conversation is a keep-alive connection of which one exchange was recorded: its records are replayed for ever, with
// the times, ids and counts that the kernel would have given them.
type conversation struct {
	records [][]byte // of one exchange
	paths   [][]byte // that take turns in the first of the records, each as long as the next
	pathAt  int
	moved   [2]uint64
	turn    int
}

// recorder makes the records that the programs under bpf/ make.
type recorder struct {
	tgid  uint32
	sock  uint64
	clock uint64
	ids   uint64
}

func (r *recorder) header(kind abi.EventKind, length uintptr) abi.EventHeader {
	return abi.EventHeader{
		Kind: uint16(kind), Len: uint32(length), Ktime: r.clock, Tgid: r.tgid, Tid: r.tgid, Task: uint64(r.tgid),
		Sock: r.sock, Gen: 1,
	}
}

// open is the record of a new connection from or to 10.0.0.2.
func (r *recorder) open(active bool) []byte {
	o := abi.OpenEvent{Family: unix.AF_INET, LocalPort: 8080, RemotePort: uint16(40000 + r.sock/64%20000), Netns: 7, FromStart: 1}
	if active {
		o.LocalPort, o.RemotePort, o.Active = o.RemotePort, o.LocalPort, 1
	}
	copy(o.Local[:], []byte{10, 0, 0, 1})
	copy(o.Remote[:], []byte{10, 0, 0, 2})
	o.H = r.header(abi.EventOpen, unsafe.Sizeof(o))
	return bytesOf(&o, nil)
}

func (r *recorder) data(d abi.Direction, flags abi.EventFlag, text string) []byte {
	e := abi.DataEvent{Length: uint32(len(text)), Captured: uint32(len(text)), Direction: uint8(d)}
	e.H = r.header(abi.EventData, unsafe.Sizeof(e)+uintptr(len(text)))
	e.H.Flags = uint16(flags | abi.FlagTurn)
	return bytesOf(&e, []byte(text))
}

// call is the record of a request that the probes in Go's net/http saw.
func (r *recorder) call(texts [abi.CallTexts]string) []byte {
	e := abi.CallEvent{
		Library: uint16(abi.LibraryGoHttpServer), Status: 200, Role: uint8(abi.RoleServer), Major: 1, Minor: 1, ResponseSize: 12,
	}
	for which, text := range texts {
		e.TextAt[which], e.TextLen[which] = uint16(e.TextUsed), uint16(len(text))
		e.TextUsed += uint32(copy(e.Text[e.TextUsed:], text))
	}
	e.H = r.header(abi.EventCall, unsafe.Offsetof(e.Text)+uintptr(e.TextUsed))
	return bytesOf(&e, nil)[:e.H.Len]
}

func bytesOf[T any](v *T, payload []byte) []byte {
	return append(append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))...), payload...)
}

// next brings a record up to date, in place, as the kernel would have made it now.
func (r *recorder) next(c *conversation, i int) []byte {
	record := c.records[i]
	r.clock += 20_000
	h := (*abi.EventHeader)(unsafe.Pointer(&record[0]))
	h.Ktime = r.clock
	if i == 0 { // of a new exchange
		r.ids++
		binary.BigEndian.PutUint64(h.Ctx.TraceId[8:], r.ids)
		binary.BigEndian.PutUint64(h.Ctx.SpanId[:], r.ids)
		h.Ctx.TraceId[0], h.Ctx.SpanId[0], h.Ctx.ParentId = 1, 1, [8]uint8{2, 7}
		h.Ctx.Flags = 1
		if len(c.paths) > 0 {
			c.turn = (c.turn + 1) % len(c.paths)
			copy(record[c.pathAt:], c.paths[c.turn])
		}
	} else {
		h.Ctx = (*abi.EventHeader)(unsafe.Pointer(&c.records[0][0])).Ctx
	}
	switch abi.EventKind(h.Kind) {
	case abi.EventData:
		d := (*abi.DataEvent)(unsafe.Pointer(&record[0]))
		d.Start = h.Ktime - 5_000
		d.Offset, d.OtherBytes = c.moved[d.Direction], c.moved[d.Direction^1]
		c.moved[d.Direction] += uint64(d.Length)
	case abi.EventCall:
		binary.NativeEndian.PutUint64(record[unsafe.Offsetof(abi.CallEvent{}.Start):], h.Ktime-200_000)
	}
	return record
}

// check decodes what was made, once.
func check(records [][]byte) error {
	var ev event.Event
	for i, record := range records {
		if err := event.Decode(record, &ev); err != nil {
			return fmt.Errorf("reading record %d back: %w", i, err)
		}
	}
	return nil
}
