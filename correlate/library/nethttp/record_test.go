package nethttp

import (
	"testing"
	"unsafe"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// call is a call as the kernel programs see it.
type call struct {
	flags          abi.CallFlag
	status         uint16
	version        [2]uint8
	request, reply int64 // sizes
	sock           uint64
	texts          [abi.CallTexts]string
}

// record is the ring's record of a call, with the texts in the order in which the
// kernel reads them.
func (c *call) record(role abi.Role) []byte {
	e := abi.CallEvent{
		H:     abi.EventHeader{Kind: uint16(abi.EventCall), Ktime: 2000, Tgid: 42, Sock: c.sock, Gen: 1, Ctx: abi.TraceContext{SpanId: [8]uint8{7}}},
		Start: 1000, Status: c.status, Role: uint8(role), CallFlags: uint8(c.flags), Major: c.version[0], Minor: c.version[1],
		RequestSize: c.request, ResponseSize: c.reply,
	}
	for _, which := range []abi.CallText{abi.TextMethod, abi.TextPath, abi.TextHost, abi.TextPeer, abi.TextTracestate, abi.TextRoute} {
		e.TextAt[which], e.TextLen[which] = uint16(e.TextUsed), uint16(len(c.texts[which]))
		e.TextUsed += uint32(copy(e.Text[e.TextUsed:], c.texts[which]))
	}
	e.H.Len = uint32(unsafe.Offsetof(e.Text)) + e.TextUsed
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&e)), e.H.Len)...)
}

func (c *call) event(t testing.TB, role abi.Role) *event.Event {
	ev := new(event.Event)
	if err := event.Decode(c.record(role), ev); err != nil {
		t.Fatal(err)
	}
	return ev
}
