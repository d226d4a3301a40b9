package event

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/bpf/abi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encode writes a record of the ring. edit may spoil it.
func encode[T any](v T, header func(*T) *abi.EventHeader, kind abi.EventKind, payload string) []byte {
	h := header(&v)
	h.Kind, h.Len = uint16(kind), uint32(unsafe.Sizeof(v))+uint32(len(payload))
	b := unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))
	return append(bytes.Clone(b), payload...)
}

func dataRecord(d abi.DataEvent, payload string) []byte {
	return encode(d, func(d *abi.DataEvent) *abi.EventHeader { return &d.H }, abi.EventData, payload)
}

func openRecord(o abi.OpenEvent) []byte {
	return encode(o, func(o *abi.OpenEvent) *abi.EventHeader { return &o.H }, abi.EventOpen, "")
}

func closeRecord(c abi.CloseEvent) []byte {
	return encode(c, func(c *abi.CloseEvent) *abi.EventHeader { return &c.H }, abi.EventClose, "")
}

func processRecord(kind abi.EventKind) []byte {
	return encode(abi.ProcessEvent{Parent: 7}, func(p *abi.ProcessEvent) *abi.EventHeader { return &p.H }, kind, "")
}

func listenRecord() []byte {
	return encode(abi.ListenEvent{Port: 8080}, func(l *abi.ListenEvent) *abi.EventHeader { return &l.H }, abi.EventListen, "")
}

// texts of a call, in the order in which they were read.
type texts []struct {
	which abi.CallText
	text  string
}

var sampleTexts = texts{{abi.TextPath, "/items/7"}, {abi.TextMethod, "GET"}, {abi.TextRoute, "/items/{id}"}}

// callRecord writes a call as the kernel does: cut behind the last text.
func callRecord(t texts, spoil func(*abi.CallEvent)) []byte {
	c := abi.CallEvent{Role: uint8(abi.RoleServer), Library: 1, Start: 5, RequestSize: -1}
	for _, x := range t {
		c.TextAt[x.which], c.TextLen[x.which] = uint16(c.TextUsed), uint16(len(x.text))
		c.TextUsed += uint32(copy(c.Text[c.TextUsed:], x.text))
	}
	length := int(unsafe.Offsetof(c.Text)) + int(c.TextUsed)
	if spoil != nil {
		spoil(&c)
	}
	return short(encode(c, func(c *abi.CallEvent) *abi.EventHeader { return &c.H }, abi.EventCall, ""), length)
}

func claimRecord() []byte {
	return encode(abi.ClaimEvent{}, func(c *abi.ClaimEvent) *abi.EventHeader { return &c.H }, abi.EventClaim, "")
}

// short cuts a record and makes its length agree.
func short(record []byte, n int) []byte {
	b := bytes.Clone(record[:n])
	if n >= 8 {
		*(*uint32)(unsafe.Pointer(&b[4])) = uint32(n)
	}
	return b
}

func TestDecode(t *testing.T) {
	good := abi.DataEvent{Length: 5, Captured: 5, Direction: uint8(abi.DirectionSent), Offset: 9}
	whole := dataRecord(good, "hello")
	for _, test := range []struct {
		name   string
		record []byte
		want   error
	}{
		{"data", whole, nil},
		{"data, nothing captured", dataRecord(abi.DataEvent{Length: 5, TailLen: 5}, ""), nil},
		{"data, with room to spare", dataRecord(abi.DataEvent{Length: 5, Captured: 2}, "hello"), nil},
		{"open", openRecord(abi.OpenEvent{PathLen: 108}), nil},
		{"close", closeRecord(abi.CloseEvent{SentTailLen: 8}), nil},
		{"fork", processRecord(abi.EventFork), nil},
		{"exec", processRecord(abi.EventExec), nil},
		{"exit", processRecord(abi.EventExit), nil},
		{"listen", listenRecord(), nil},
		{"claim", claimRecord(), nil},
		{"call", callRecord(sampleTexts, nil), nil},
		{"call without text", callRecord(nil, nil), nil},
		{"call of a library of tomorrow", callRecord(sampleTexts, func(c *abi.CallEvent) { c.Library, c.CallFlags = 65535, 255 }), nil},
		{"call with all its room", callRecord(texts{{abi.TextPath, strings.Repeat("x", 1024)}}, nil), nil},

		{"nothing", nil, ErrMalformed},
		{"less than a header", short(whole, 20), ErrMalformed},
		{"header alone", short(whole, int(unsafe.Sizeof(abi.EventHeader{}))), ErrMalformed},
		{"one byte less than a data event", short(whole, int(unsafe.Sizeof(abi.DataEvent{}))-1), ErrMalformed},
		{"record cut", whole[:len(whole)-1], ErrMalformed},
		{"record longer than it says", append(bytes.Clone(whole), 0), ErrMalformed},
		{"captured beyond the record", dataRecord(abi.DataEvent{Length: 9, Captured: 6}, "hello"), ErrMalformed},
		{"captured more than moved", dataRecord(abi.DataEvent{Length: 4, Captured: 5}, "hello"), ErrMalformed},
		{"captured 4 GiB", dataRecord(abi.DataEvent{Length: 1<<32 - 1, Captured: 1<<32 - 1}, "hello"), ErrMalformed},
		{"tail too long", dataRecord(abi.DataEvent{Length: 50, TailLen: 9}, ""), ErrMalformed},
		{"other tail too long", dataRecord(abi.DataEvent{Length: 50, OtherTailLen: 255}, ""), ErrMalformed},
		{"third direction", dataRecord(abi.DataEvent{Direction: 2}, ""), ErrMalformed},
		{"short open", short(openRecord(abi.OpenEvent{}), 100), ErrMalformed},
		{"path too long", openRecord(abi.OpenEvent{PathLen: 109}), ErrMalformed},
		{"path of 4 GiB", openRecord(abi.OpenEvent{PathLen: 1<<32 - 1}), ErrMalformed},
		{"short close", short(closeRecord(abi.CloseEvent{}), 100), ErrMalformed},
		{"received tail too long", closeRecord(abi.CloseEvent{ReceivedTailLen: 9}), ErrMalformed},
		{"sent tail too long", closeRecord(abi.CloseEvent{SentTailLen: 9}), ErrMalformed},
		{"short exit", short(processRecord(abi.EventExit), 100), ErrMalformed},
		{"short listen", short(listenRecord(), 90), ErrMalformed},
		{"short claim", short(claimRecord(), 80), ErrMalformed},
		{"short call", short(callRecord(nil, nil), len(callRecord(nil, nil))-1), ErrMalformed},
		{"call with a text cut", short(callRecord(sampleTexts, nil), len(callRecord(sampleTexts, nil))-1), ErrMalformed},
		{"call longer than its texts", short(append(callRecord(sampleTexts, nil), 0), len(callRecord(sampleTexts, nil))+1), ErrMalformed},
		{"call beyond its room", short(append(callRecord(texts{{abi.TextPath, strings.Repeat("x", 1024)}}, func(c *abi.CallEvent) { c.TextUsed++ }), 0),
			len(callRecord(texts{{abi.TextPath, strings.Repeat("x", 1024)}}, nil))+1), ErrMalformed},
		{"call with fewer bytes of text than it says", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextUsed++ }), ErrMalformed},
		{"call of 4 GiB", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextUsed = 1<<32 - 1 }), ErrMalformed},
		{"text beyond the record", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextAt[abi.TextRoute]++ }), ErrMalformed},
		{"text at the end of the numbers", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextAt[abi.TextPeer] = 65535 }), ErrMalformed},
		{"texts longer than their sum", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextLen[abi.TextPath]++ }), ErrMalformed},
		{"text that nothing accounts for", callRecord(sampleTexts, func(c *abi.CallEvent) { c.TextLen[abi.TextPath]-- }), ErrMalformed},
		{"call without role", callRecord(sampleTexts, func(c *abi.CallEvent) { c.Role = 0 }), ErrMalformed},
		{"third role", callRecord(sampleTexts, func(c *abi.CallEvent) { c.Role = 3 }), ErrMalformed},
		{"kind 0", processRecord(0), ErrUnknownKind},
		{"kind of tomorrow", processRecord(11), ErrUnknownKind},
		{"short leave", short(processRecord(8), 90), ErrMalformed},
		{"kind 65535", processRecord(65535), ErrUnknownKind},
	} {
		t.Run(test.name, func(t *testing.T) {
			var ev Event
			if err := Decode(test.record, &ev); !errors.Is(err, test.want) {
				t.Errorf("Decode: %v, want %v", err, test.want)
			}
		})
	}
}

func TestDecodeReadsEveryPart(t *testing.T) {
	var ev Event
	data := abi.DataEvent{H: abi.EventHeader{Sock: 11, Gen: 12, Ktime: 13}, Length: 9, Captured: 5, Offset: 99, TailLen: 4, OtherTailLen: 2}
	copy(data.Tail[:], "tail")
	copy(data.OtherTail[:], "ot")
	if err := Decode(dataRecord(data, "hello"), &ev); err != nil {
		t.Fatal(err)
	}
	if ev.Kind() != abi.EventData || ev.Header.Sock != 11 || ev.Header.Gen != 12 || ev.Header.Ktime != 13 || ev.Data.Offset != 99 {
		t.Errorf("decoded %+v", ev)
	}
	if string(ev.Payload) != "hello" || string(ev.Tail()) != "tail" || string(ev.OtherTail()) != "ot" {
		t.Errorf("payload %q, tail %q, other tail %q", ev.Payload, ev.Tail(), ev.OtherTail())
	}
	open := abi.OpenEvent{PathLen: 9}
	copy(open.Path[:], "/run/sock")
	if err := Decode(openRecord(open), &ev); err != nil {
		t.Fatal(err)
	}
	if string(ev.UnixPath()) != "/run/sock" || ev.Payload != nil {
		t.Errorf("path %q, payload %q", ev.UnixPath(), ev.Payload)
	}
	if err := Decode(listenRecord(), &ev); err != nil || ev.Listen.Port != 8080 {
		t.Errorf("listen %+v, %v", ev.Listen, err)
	}
	if err := Decode(processRecord(abi.EventFork), &ev); err != nil || ev.Process.Parent != 7 {
		t.Errorf("process %+v, %v", ev.Process, err)
	}
}

// The texts of a call are found wherever they stand, and none of an earlier
// record's are.
func TestCallText(t *testing.T) {
	var ev Event
	for _, want := range []texts{sampleTexts, {{abi.TextHost, "shop"}, {abi.TextPeer, "[::1]:5"}, {abi.TextTracestate, "a=b"}}, nil} {
		if err := Decode(callRecord(want, nil), &ev); err != nil {
			t.Fatal(err)
		}
		got := map[abi.CallText]string{}
		for which := range abi.CallTexts {
			if text := ev.CallText(which); len(text) > 0 {
				got[which] = string(text)
			}
		}
		if len(got) != len(want) || ev.Call.Start != 5 || ev.Call.RequestSize != -1 {
			t.Errorf("texts %v of %+v", got, ev.Call)
		}
		for _, x := range want {
			if got[x.which] != x.text {
				t.Errorf("text %d is %q, want %q", x.which, got[x.which], x.text)
			}
		}
	}
}

// A record may begin at any address.
func TestDecodeUnaligned(t *testing.T) {
	record := dataRecord(abi.DataEvent{Length: 5, Captured: 5, Offset: 99}, "hello")
	for shift := range 8 {
		room := make([]byte, len(record)+8)
		copy(room[shift:], record)
		var ev Event
		if err := Decode(room[shift:shift+len(record)], &ev); err != nil || ev.Data.Offset != 99 || string(ev.Payload) != "hello" {
			t.Errorf("shifted by %d: %v, %+v", shift, err, ev.Data)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	records := [][]byte{
		dataRecord(abi.DataEvent{Length: 5, Captured: 5}, "hello"), openRecord(abi.OpenEvent{}),
		closeRecord(abi.CloseEvent{}), processRecord(abi.EventExit), listenRecord(),
		callRecord(sampleTexts, nil), claimRecord(), callRecord(nil, func(c *abi.CallEvent) { c.Role = 0 }),
		processRecord(99), dataRecord(abi.DataEvent{TailLen: 9}, ""), nil,
	}
	ev := new(Event)
	if n := testing.AllocsPerRun(100, func() {
		for _, r := range records {
			_ = Decode(r, ev)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(dataRecord(abi.DataEvent{Length: 5, Captured: 5}, "hello"))
	f.Add(openRecord(abi.OpenEvent{PathLen: 3}))
	f.Add(closeRecord(abi.CloseEvent{SentTailLen: 8}))
	f.Add(processRecord(abi.EventExit))
	f.Add(listenRecord())
	f.Add(claimRecord())
	f.Add(callRecord(nil, nil))
	f.Add(callRecord(sampleTexts, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 8 { // let it past the first check
			for _, r := range [][]byte{b, short(b, len(b))} {
				decodeAny(t, r)
			}
		}
		decodeAny(t, b)
	})
}

func decodeAny(t *testing.T, b []byte) {
	var ev Event
	if err := Decode(b, &ev); err != nil {
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownKind) {
			t.Errorf("an error of another kind: %v", err)
		}
		return
	}
	if ev.Kind() == abi.EventData && (len(ev.Payload) > len(b) || uint64(len(ev.Payload)) != uint64(ev.Data.Captured)) {
		t.Errorf("payload of %d bytes, captured %d, record %d", len(ev.Payload), ev.Data.Captured, len(b))
	}
	switch ev.Kind() { // none of these may panic
	case abi.EventData:
		_, _ = ev.Tail(), ev.OtherTail()
	case abi.EventOpen:
		_ = ev.UnixPath()
	case abi.EventCall:
		for which := range abi.CallTexts {
			if n := len(ev.CallText(which)); n > len(b) {
				t.Errorf("text %d of %d bytes, record %d", which, n, len(b))
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	record := dataRecord(abi.DataEvent{Length: 400, Captured: 400}, string(make([]byte, 400)))
	ev := new(Event)
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(record, ev); err != nil {
			b.Fatal(err)
		}
	}
}
