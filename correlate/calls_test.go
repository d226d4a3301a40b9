package correlate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
)

// ring makes records as the kernel programs do and has them correlated.
type ring struct {
	t     *testing.T
	c     *Correlator
	now   uint64
	moved map[uint64]*[2]uint64 // by sock and direction
	spans []sdktrace.ReadOnlySpan
}

func newRing(t *testing.T) *ring {
	r := &ring{t: t, now: 1e9, moved: map[uint64]*[2]uint64{}}
	r.c = New(Config{
		Processes: func(uint32) (*process.Process, bool) { return nil, false },
		Spans:     func(s sdktrace.ReadOnlySpan) { r.spans = append(r.spans, s) },
	}, 0)
	return r
}

func (r *ring) header(kind abi.EventKind, sock uint64, span byte) abi.EventHeader {
	r.now += 1000
	h := abi.EventHeader{Kind: uint16(kind), Ktime: r.now, Tgid: 42, Sock: sock, Gen: 1}
	if span != 0 {
		h.Ctx = abi.TraceContext{TraceId: [16]uint8{1}, SpanId: [8]uint8{span}, Flags: 1}
	}
	return h
}

// put writes the first size bytes of v and the payload behind them.
func put[T any](r *ring, v *T, h *abi.EventHeader, size uintptr, payload string) {
	r.t.Helper()
	h.Len = uint32(size) + uint32(len(payload))
	record := append(slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(v)), size)), payload...)
	var ev event.Event
	if err := event.Decode(record, &ev); err != nil {
		r.t.Fatal(err)
	}
	r.c.Handle(&ev)
}

func (r *ring) open(sock uint64) {
	o := abi.OpenEvent{H: r.header(abi.EventOpen, sock, 0), Family: unix.AF_INET, LocalPort: 8080, RemotePort: 51000, FromStart: 1}
	copy(o.Local[:], []byte{10, 0, 0, 1})
	copy(o.Remote[:], []byte{10, 0, 0, 2})
	r.moved[sock] = &[2]uint64{}
	put(r, &o, &o.H, unsafe.Sizeof(o), "")
}

func (r *ring) data(sock uint64, d abi.Direction, span byte, bytes string) {
	moved := r.moved[sock]
	e := abi.DataEvent{H: r.header(abi.EventData, sock, span), Offset: moved[d], OtherBytes: moved[d^1], Start: r.now, Length: uint32(len(bytes)), Captured: uint32(len(bytes)), Direction: uint8(d)}
	e.H.Flags = uint16(abi.FlagTurn)
	if d == abi.DirectionReceived {
		e.H.Flags |= uint16(abi.FlagRequestStart)
	}
	moved[d] += uint64(len(bytes))
	put(r, &e, &e.H, unsafe.Sizeof(e), bytes)
}

func (r *ring) claim(sock uint64) {
	e := abi.ClaimEvent{H: r.header(abi.EventClaim, sock, 0)}
	put(r, &e, &e.H, unsafe.Sizeof(e), "")
}

func (r *ring) close(sock uint64) {
	e := abi.CloseEvent{H: r.header(abi.EventClose, sock, 0), Reason: uint8(abi.CloseLocal), ReceivedBytes: r.moved[sock][0], SentBytes: r.moved[sock][1]}
	put(r, &e, &e.H, unsafe.Sizeof(e), "")
}

func (r *ring) call(sock uint64, span byte, of abi.Library, edit func(*abi.CallEvent), texts ...string) {
	role := abi.RoleServer
	if of == abi.LibraryGoHttpClient {
		role = abi.RoleClient
	}
	e := abi.CallEvent{H: r.header(abi.EventCall, sock, span), Start: r.now - 5000, Library: uint16(of), Role: uint8(role), Status: 200, Major: 1, Minor: 1, RequestSize: -1, ResponseSize: -1}
	used := 0
	for i, text := range texts {
		e.TextAt[i], e.TextLen[i] = uint16(used), uint16(len(text))
		used += copy(e.Text[used:], text)
	}
	e.TextUsed = uint32(used)
	if edit != nil {
		edit(&e)
	}
	put(r, &e, &e.H, unsafe.Offsetof(e.Text)+uintptr(used), "")
}

// expect compares the spans so far with lines of what matters here.
func (r *ring) expect(want ...string) {
	r.t.Helper()
	var got []string
	for _, s := range r.spans {
		shown := fmt.Sprintf("%s %s span=%x parent=%x remote=%t", s.SpanKind(), s.Name(), s.SpanContext().SpanID()[0], s.Parent().SpanID()[0], s.Parent().IsRemote())
		for _, kv := range s.Attributes() {
			switch kv.Key {
			case "url.path", "url.full", "network.peer.address", "error.type":
				shown += " " + kv.Value.Emit()
			}
		}
		got = append(got, shown+" "+s.SpanContext().TraceState().String())
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		r.t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	r.spans = nil
}

func (r *ring) figure(name string) uint64 {
	for _, s := range r.c.Samples() {
		if s.Name == name {
			return s.Value
		}
	}
	r.t.Errorf("no figure is called %s", name)
	return 0
}

const (
	asked    = "GET /seen HTTP/1.1\r\nHost: h\r\n\r\n"
	answered = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
)

// TestCalls: what a library reports is a span, once, beside the connections whose
// bytes are parsed.
func TestCalls(t *testing.T) {
	const in, out = abi.DirectionReceived, abi.DirectionSent
	r := newRing(t)
	r.open(1)
	r.open(2)
	r.data(1, in, 1, asked)
	r.data(2, in, 2, asked)
	r.claim(1) // the library has the open request
	r.call(1, 1, abi.LibraryGoHttpServer, func(e *abi.CallEvent) {
		e.CallFlags = uint8(abi.CallRemoteContext)
		e.H.Ctx.ParentId = [8]uint8{9}
	}, "GET", "/seen", "h", "10.0.0.2:51000", "a=b", "GET /{page}")
	r.data(1, out, 0, answered)
	r.data(2, out, 0, answered)
	r.expect(
		"server GET /{page} span=1 parent=9 remote=true /seen 10.0.0.2 a=b",
		"server GET span=2 parent=0 remote=false /seen 10.0.0.2 ")

	// No connection: TLS, HTTP/2.
	r.call(0, 3, abi.LibraryGoHttpServer, func(e *abi.CallEvent) { e.CallFlags = uint8(abi.CallTls) }, "GET", "/tls", "h", "[::1]:9")
	r.expect("server GET span=3 parent=0 remote=false /tls ::1 ")

	// A request that fails is told of after its connection was closed.
	r.open(3)
	r.claim(3)
	r.close(3)
	r.call(3, 4, abi.LibraryGoHttpClient, func(e *abi.CallEvent) {
		e.CallFlags, e.Status = uint8(abi.CallFailed), 0
		e.H.Ctx.ParentId = [8]uint8{1}
	}, "", "/x", "shop")
	r.expect("client GET span=4 parent=1 remote=false /x http://shop/x 10.0.0.2 _OTHER ")

	// Libraries of tomorrow, and of yesterday.
	for _, of := range []abi.Library{0, 999, 65535} {
		r.call(2, 5, of, nil, "GET")
	}
	r.expect()
	r.close(1)
	r.close(2)
	for range 5 {
		r.now += uint64(100 * time.Millisecond)
		r.c.Tick(r.now)
	}
	r.expect()
	for name, want := range map[string]uint64{
		"calls": 3, "unknown_library": 3, "exchanges": 1, "spans": 4, "connections": 0, "buffered_bytes": 0, "connections_claimed": 3, "forgotten": 0,
	} {
		if got := r.figure(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	r.c.Close(r.now)
}

// TestLibraries: each library of abi.h has its decoder.
func TestLibraries(t *testing.T) {
	known := calls{decoders: Libraries()}
	for _, of := range []abi.Library{abi.LibraryGoHttpServer, abi.LibraryGoHttpClient} {
		if known.decoder(uint16(of)) == nil {
			t.Errorf("library %d has no decoder", of)
		}
	}
	if known.decoder(0) != nil || known.decoder(65535) != nil {
		t.Error("a decoder of nothing")
	}
}
