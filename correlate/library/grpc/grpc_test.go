package grpc

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"go.opentelemetry.io/otel/codes"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/probes/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var accepted = &flow.Conn{Family: unix.AF_INET, Local: netip.MustParseAddrPort("10.0.0.1:8080"), Remote: netip.MustParseAddrPort("10.0.0.2:51000")}

// record is the ring's record of a call. status is below 0 for none.
func record(role abi.Role, method, target string, status int, flags abi.CallFlag) []byte {
	e := abi.CallEvent{
		H:     abi.EventHeader{Kind: uint16(abi.EventCall), Ktime: 2000, Tgid: 42, Ctx: abi.TraceContext{SpanId: [8]uint8{7}}},
		Start: 1000, Status: uint16(status + 1), Role: uint8(role), CallFlags: uint8(flags), RequestSize: -1, ResponseSize: -1,
	}
	for which, text := range map[abi.CallText]string{abi.TextPath: method, abi.TextHost: target} {
		e.TextAt[which], e.TextLen[which] = uint16(e.TextUsed), uint16(len(text))
		e.TextUsed += uint32(copy(e.Text[e.TextUsed:], text))
	}
	e.H.Len = uint32(unsafe.Offsetof(e.Text)) + e.TextUsed
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&e)), e.H.Len)...)
}

func decode(t testing.TB, record []byte) *event.Event {
	ev := new(event.Event)
	if err := event.Decode(record, ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

// written is an exchange as golden text.
func written(x *flow.Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", x.Kind, x.Name)
	if x.Status == codes.Error {
		fmt.Fprintf(&b, " error %q", x.Description)
	}
	for _, kv := range x.Attributes {
		fmt.Fprintf(&b, "\n%s=%s", kv.Key, kv.Value.Emit())
	}
	return b.String()
}

const (
	server = abi.RoleServer
	client = abi.RoleClient
	ends   = `
server.address=10.0.0.1
server.port=8080
network.peer.address=10.0.0.2
network.peer.port=51000
client.address=10.0.0.2
client.port=51000
network.type=ipv4`
)

func TestExchange(t *testing.T) {
	d := New() // nothing of a call is left for the next
	for _, c := range []struct {
		name   string
		record []byte
		conn   *flow.Conn
		want   string
	}{
		{"served", record(server, "/shop.v1.Cart/Add", "", 0, 0), accepted, `server shop.v1.Cart/Add
rpc.system.name=grpc
rpc.method=shop.v1.Cart/Add` + ends + `
rpc.response.status_code=OK`},
		{"a client's fault, TLS", record(server, "/shop.v1.Cart/Add", "", 5, 0), nil, `server shop.v1.Cart/Add
rpc.system.name=grpc
rpc.method=shop.v1.Cart/Add
rpc.response.status_code=NOT_FOUND`},
		{"a server's fault", record(server, "/shop.v1.Cart/Add", "", 13, 0), nil, `server shop.v1.Cart/Add error ""
rpc.system.name=grpc
rpc.method=shop.v1.Cart/Add
rpc.response.status_code=INTERNAL
error.type=INTERNAL`},
		{"no such method", record(server, "/x/y", "", 12, abi.CallUnknownMethod), accepted, `server grpc error ""
rpc.system.name=grpc
rpc.method=_OTHER
rpc.method_original=x/y` + ends + `
rpc.response.status_code=UNIMPLEMENTED
error.type=UNIMPLEMENTED`},
		{"a method that is not written yet", record(server, "/x/y", "", 12, 0), nil, `server x/y error ""
rpc.system.name=grpc
rpc.method=x/y
rpc.response.status_code=UNIMPLEMENTED
error.type=UNIMPLEMENTED`},
		{"connection gone", record(server, "/a/b", "", -1, abi.CallFailed), nil, `server a/b error "the call ended without a status"
rpc.system.name=grpc
rpc.method=a/b
error.type=_OTHER`},
		{"process gone", record(server, "/a/b", "", -1, abi.CallExited), nil, `server a/b error "process ended before the response was complete"
rpc.system.name=grpc
rpc.method=a/b
error.type=process_exit`},
		{"connection reset", record(server, "/a/b", "", -1, abi.CallReset), nil, `server a/b error "connection reset before the response was complete"
rpc.system.name=grpc
rpc.method=a/b
error.type=connection_reset`},
		{"made", record(client, "/shop.v1.Cart/Add", "dns:///cart.shop:443", 0, 0), nil, `client shop.v1.Cart/Add
rpc.system.name=grpc
rpc.method=shop.v1.Cart/Add
server.address=cart.shop
server.port=443
rpc.response.status_code=OK`},
		{"any status but OK is an error", record(client, "/shop.v1.Cart/Add", "cart.shop", 5, 0), nil, `client shop.v1.Cart/Add error ""
rpc.system.name=grpc
rpc.method=shop.v1.Cart/Add
server.address=cart.shop
rpc.response.status_code=NOT_FOUND
error.type=NOT_FOUND`},
		{"malformed", record(server, "secret", "", 12, abi.CallUnknownMethod), nil, `server grpc error ""
rpc.system.name=grpc
rpc.response.status_code=UNIMPLEMENTED
error.type=UNIMPLEMENTED`},
		{"nothing is known", record(client, "", "", 99, 0), nil, `client grpc
rpc.system.name=grpc`},
	} {
		x := d.Exchange(decode(t, c.record), c.conn)
		if got := written(x); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
		if x.Start != 1000 || x.End != 2000 || x.Tgid != 42 || x.Context.SpanId[0] != 7 {
			t.Errorf("%s: %+v", c.name, x)
		}
	}
}

// Which statuses are errors, as the conventions for gRPC list them.
func TestServerErrors(t *testing.T) {
	var errors []string
	for code, name := range statuses {
		if New().Exchange(decode(t, record(server, "/a/b", "", code, 0)), nil).Status == codes.Error {
			errors = append(errors, name)
		}
		if x := New().Exchange(decode(t, record(client, "/a/b", "", code, 0)), nil); (x.Status == codes.Error) != (code != 0) {
			t.Errorf("client, %s: %v", name, x.Status)
		}
	}
	if got, want := strings.Join(errors, " "), "UNKNOWN DEADLINE_EXCEEDED UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTarget(t *testing.T) {
	for target, want := range map[string]string{
		"":                                  " 0",
		"localhost:50051":                   "localhost 50051",
		"localhost":                         "localhost 0",
		"dns:///a.example:1":                "a.example 1",
		"dns://8.8.8.8/a.example:1":         "a.example 1",
		"dns:a.example":                     "a.example 0",
		"passthrough:///10.0.0.1:2":         "10.0.0.1 2",
		"[fd00::1]:3":                       "fd00::1 3",
		"fd00::1":                           "fd00::1 0",
		"unix:/run/x.sock":                  "/run/x.sock 0",
		"unix:///run/x.sock":                "/run/x.sock 0",
		"unix-abstract:x":                   "x 0",
		"ipv4:10.0.0.1:1,10.0.0.2:2":        " 0",
		"xds:///cart":                       "cart 0",
		"consul://127.0.0.1:8500/cart?x=\n": " 0",
	} {
		d := New()
		d.aim([]byte("before:1"))
		d.aim([]byte(target))
		if got := fmt.Sprint(d.host, " ", d.port); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

// FuzzExchange takes any record that passes the decoder.
func FuzzExchange(f *testing.F) {
	f.Add(record(server, "/a.B/C", "", 2, 0))
	f.Add(record(client, "/a.B/C", "dns:///x:1", 14, abi.CallFailed))
	f.Add(record(server, "\xff", "", 12, 255))
	d := New()
	f.Fuzz(func(t *testing.T, record []byte) {
		if len(record) < 8 {
			return
		}
		*(*uint16)(unsafe.Pointer(&record[0])) = uint16(abi.EventCall)
		*(*uint32)(unsafe.Pointer(&record[4])) = uint32(len(record))
		var ev event.Event
		if event.Decode(record, &ev) != nil {
			return
		}
		for _, conn := range []*flow.Conn{nil, accepted} {
			x := d.Exchange(&ev, conn)
			if x.End < x.Start || x.Name == "" || len(x.Attributes) > maxAttributes || !utf8.ValidString(x.Name) {
				t.Errorf("%+v", x)
			}
			for _, kv := range x.Attributes {
				if s := kv.Value.Emit(); !utf8.ValidString(s) || s == "" || len(s) > httpspan.MaxHost {
					t.Errorf("%s = %q", kv.Key, s)
				}
			}
		}
	})
}
