package http1

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// While a head comes in, the latest context of its span wins; later it does not.
func TestContextOfSplitHead(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, "GET /big HTTP/1.1\r\nHost: h:1\r\n")
	own := k.ctx
	k.ctx.TraceId, k.ctx.ParentId = [16]uint8{0xaa}, [8]uint8{0xbb}
	k.move(ask, []byte("traceparent: 00-aa000000000000000000000000000000-bb00000000000000-01\r\n"), 71, abi.FlagRemoteContext)
	k.bytes(ask, "\r\n")
	late := k.ctx
	k.ctx.TraceId = [16]uint8{0xcc}
	k.bytes(answer, ok)
	if x := k.found[0]; x.Context != late || x.Context.SpanId != own.SpanId || x.Flags != abi.FlagRemoteContext {
		t.Errorf("context %+v, flags %b; want %+v", x.Context, x.Flags, late)
	}
}

// The kernel makes a served request's span when it has seen the head to its end;
// before, its events carry the span of the request before.
func TestContextMintedAtEndOfHead(t *testing.T) {
	k, ask, answer := started(t, true)
	k.flags = abi.FlagRemoteContext
	k.request(ask, get)
	k.bytes(answer, ok)
	k.move(ask, []byte(get[:20]), 20, abi.FlagRequestStart|abi.FlagRemoteContext)
	k.ctx = abi.TraceContext{TraceId: [16]uint8{9}, SpanId: [8]uint8{9}}
	k.bytes(ask, get[20:])
	k.bytes(answer, ok)
	if len(k.found) != 2 || k.found[1].Context != k.ctx || k.found[1].Flags != 0 {
		t.Errorf("%+v", k.found)
	}
	// Never made: no span is given twice.
	k.move(ask, []byte(get[:20]), 20, abi.FlagRequestStart)
	k.bytes(ask, get[20:])
	k.bytes(answer, ok)
	if len(k.found) != 3 || k.found[2].Context != (abi.TraceContext{}) {
		t.Errorf("%+v", k.found)
	}
}

// The kernel may see only in a later read that a request has begun.
func TestContextMintedLate(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, get)
	k.bytes(answer, ok)
	k.bytes(ask, "GE") // still with the context of the exchange before
	k.ctx = abi.TraceContext{TraceId: [16]uint8{9}, SpanId: [8]uint8{9}}
	k.bytes(ask, "T / HTTP/1.1\r\n\r\n")
	k.bytes(answer, ok)
	if len(k.found) != 2 || k.found[1].Context != k.ctx {
		t.Errorf("%+v", k.found)
	}
}

// A request that begins within a read has no span of the kernel's, not even when
// its rest comes with the span of the one before.
func TestContextOfPipelined(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, get+"GET /two HTTP/1.1\r\n")
	first := k.ctx
	k.bytes(ask, "Host: h:1\r\n\r\n")
	k.bytes(answer, ok+ok)
	if len(k.found) != 2 || k.found[0].Context != first || k.found[1].Context != (abi.TraceContext{}) {
		t.Errorf("%+v", k.found)
	}
}

func TestTimes(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n12")
	start := k.now - 500
	k.now += 1e6
	k.bytes(ask, "34")
	k.now += 1e6
	k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12")
	k.now += 1e6
	k.bytes(answer, "34")
	if x := k.found[0]; x.Start != start || x.End != k.now {
		t.Errorf("from %d to %d, want %d to %d", x.Start, x.End, start, k.now)
	}
}

func TestConnectionAttributes(t *testing.T) {
	v4in6 := abi.OpenEvent{Family: unix.AF_INET6, LocalPort: 80, RemotePort: 5000}
	copy(v4in6.Local[:], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01")
	copy(v4in6.Remote[:], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x02")
	v6 := v4in6
	v6.Local, v6.Remote = [16]uint8{0x20, 1}, [16]uint8{0x20, 2}
	path := abi.OpenEvent{Family: unix.AF_UNIX}
	path.PathLen = uint32(copy(path.Path[:], "/run/app.sock\x00"))
	for _, test := range []struct {
		name     string
		open     abi.OpenEvent
		asServer bool
		want     map[string]string
	}{
		{"IPv4 in IPv6, server", v4in6, true, map[string]string{
			"network.type": "ipv4", "network.peer.address": "10.0.0.2", "network.peer.port": "5000", "client.address": "10.0.0.2",
			"client.port": "5000", "server.address": "10.0.0.1", "server.port": "80", "url.scheme": "http"}},
		{"IPv6, client", v6, false, map[string]string{
			"network.type": "ipv6", "network.peer.address": "2002::", "network.peer.port": "5000", "client.address": "",
			"server.address": "2002::", "server.port": "5000", "url.full": "http://[2002::]:5000/"}},
		{"Unix, server", path, true, map[string]string{
			"network.transport": "unix", "network.local.address": "/run/app.sock", "network.peer.address": "",
			"server.address": "/run/app.sock", "server.port": "", "network.type": ""}},
		{"Unix, client", path, false, map[string]string{
			"network.transport": "unix", "network.peer.address": "/run/app.sock", "server.address": "/run/app.sock", "url.full": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := newKernel(t, flow.Options{})
			o := test.open
			o.H = k.header(abi.EventOpen)
			o.H.Len = uint32(len(encode(&o, nil)))
			k.deliver(encode(&o, nil))
			ask, answer := server, client
			if !test.asServer {
				ask, answer = client, server
			}
			k.request(ask, "GET / HTTP/1.1\r\n\r\n")
			k.bytes(answer, ok)
			got := map[string]string{}
			for _, kv := range k.found[0].Attributes {
				got[string(kv.Key)] = kv.Value.Emit()
			}
			for name, want := range test.want {
				if got[name] != want {
					t.Errorf("%s = %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

// Nothing secret is in an exchange's attributes.
func TestNothingSensitive(t *testing.T) {
	bothEnds(t, func(t *testing.T, asServer bool) {
		k, ask, answer := started(t, asServer)
		k.request(ask, "GET http://SECRET:SECRET@h:1/p?SECRET=SECRET#SECRET HTTP/1.1\r\nHost: SECRET@h:1\r\nCookie: SECRET\r\nAuthorization: SECRET\r\nUser-Agent: SECRET\r\n\r\nSECRET")
		k.bytes(answer, "HTTP/1.1 200 SECRET\r\nSet-Cookie: SECRET\r\nContent-Length: 6\r\n\r\nSECRET")
		k.request(ask, get)
		for _, kv := range k.found[0].Attributes {
			if v := kv.Value.Emit(); len(v) >= 6 && containsSecret(v) {
				t.Errorf("%s = %q", kv.Key, v)
			}
		}
	})
}

func containsSecret(s string) bool {
	for i := range len(s) - 5 {
		if s[i:i+6] == "SECRET" {
			return true
		}
	}
	return false
}
