package nethttp

import (
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/probes/event"
)

// FuzzExchange takes any record that passes the decoder, and what an exchange of
// the program before it left behind.
func FuzzExchange(f *testing.F) {
	c := call{status: 200, version: http11, texts: [abi.CallTexts]string{"GET", "/items/7", "shop:80", "10.0.0.2:51000", "a=b", "GET /items/{id}"}}
	f.Add(c.record(abi.RoleServer), uint8(0))
	f.Add(c.record(abi.RoleClient), uint8(1))
	f.Add((&call{flags: 255}).record(abi.RoleServer), uint8(2))
	conns := []*flow.Conn{nil, accepted, dialled, socket, unseen}
	d := New()
	f.Fuzz(func(t *testing.T, record []byte, which uint8) {
		if len(record) < 8 {
			return
		}
		*(*uint16)(unsafe.Pointer(&record[0])) = uint16(abi.EventCall)
		*(*uint32)(unsafe.Pointer(&record[4])) = uint32(len(record))
		var ev event.Event
		if event.Decode(record, &ev) != nil {
			return
		}
		x := d.Exchange(&ev, conns[int(which)%len(conns)])
		if x.End < x.Start || x.Name == "" || len(x.Attributes) > httpspan.MaxAttributes || !utf8.ValidString(x.Name) {
			t.Errorf("%+v", x)
		}
		for _, kv := range x.Attributes {
			if s := kv.Value.Emit(); !utf8.ValidString(s) || s == "" || len(s) > httpspan.MaxPath+httpspan.MaxHost+32 {
				t.Errorf("%s = %q", kv.Key, s)
			}
		}
	})
}
