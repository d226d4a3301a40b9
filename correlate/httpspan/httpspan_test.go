package httpspan

import (
	"fmt"
	"net/netip"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tcp = &flow.Conn{Family: unix.AF_INET, Local: netip.MustParseAddrPort("10.0.0.1:8080"), Remote: netip.MustParseAddrPort("10.0.0.2:51000")}

// described is an exchange on a connection as text.
func described(e Exchange, c *flow.Conn) map[string]string {
	var ends Ends
	if c != nil {
		ends.Set(c, e.Role)
	}
	x := New()
	e.Describe(x, &ends, new(URL))
	m := map[string]string{"kind": fmt.Sprint(x.Kind)}
	if x.Status == codes.Error {
		m["description"] = x.Description
	}
	for _, kv := range x.Attributes {
		m[string(kv.Key)] = kv.Value.Emit()
	}
	return m
}

// TestServer: whom a request was for, and how url.full says so.
func TestServer(t *testing.T) {
	socket := &flow.Conn{Family: unix.AF_UNIX, Path: "/run/x.sock"}
	for _, c := range []struct {
		name             string
		e                Exchange
		conn             *flow.Conn
		host, port, full string
	}{
		{"named with port", Exchange{Role: abi.RoleClient, Path: "/", Host: "shop", Port: 9}, tcp, "shop", "9", "http://shop:9/"},
		{"port of the connection", Exchange{Role: abi.RoleClient, Path: "/", Host: "shop"}, tcp, "shop", "51000", "http://shop/"},
		{"this end", Exchange{Role: abi.RoleServer, Path: "/"}, tcp, "10.0.0.1", "8080", ""},
		{"other end", Exchange{Role: abi.RoleClient, Path: "/"}, tcp, "10.0.0.2", "51000", "http://10.0.0.2:51000/"},
		{"port of the scheme", Exchange{Role: abi.RoleClient, Path: "/", Host: "::1"}, nil, "::1", "80", "http://[::1]/"},
		{"port of https", Exchange{Role: abi.RoleClient, Path: "*", Host: "shop", HTTPS: true}, nil, "shop", "443", "https://shop"},
		{"nothing known", Exchange{Role: abi.RoleClient, Path: "/"}, nil, "", "", ""},
		{"path of a socket", Exchange{Role: abi.RoleClient, Path: "/"}, socket, "/run/x.sock", "", ""},
		{"name on a socket", Exchange{Role: abi.RoleClient, Path: "/", Host: "shop"}, socket, "shop", "", "http://shop/"},
		{"authority-form", Exchange{Role: abi.RoleClient, Host: "shop", Port: 443}, tcp, "shop", "443", ""},
	} {
		m := described(c.e, c.conn)
		if m["server.address"] != c.host || m["server.port"] != c.port || m["url.full"] != c.full {
			t.Errorf("%s: %v", c.name, m)
		}
	}
}

func TestEnds(t *testing.T) {
	m := described(Exchange{Role: abi.RoleServer}, tcp)
	if m["client.address"] != "10.0.0.2" || m["client.port"] != "51000" || m["network.peer.address"] != "10.0.0.2" || m["network.type"] != "ipv4" {
		t.Errorf("%v", m)
	}
	m = described(Exchange{Role: abi.RoleClient}, tcp)
	if m["client.address"] != "" || m["network.peer.port"] != "51000" {
		t.Errorf("%v", m)
	}
	m = described(Exchange{Role: abi.RoleServer}, &flow.Conn{Family: unix.AF_UNIX, Path: "@x"})
	if m["network.transport"] != "unix" || m["network.local.address"] != "@x" || m["network.peer.address"] != "" {
		t.Errorf("%v", m)
	}
	var ends Ends
	ends.Set(tcp, abi.RoleServer)
	ends.SetPeer(netip.MustParseAddrPort("[::ffff:1.2.3.4]:5"), abi.RoleServer)
	if len(ends.Attributes) != 5 || ends.Attributes[0].Value.AsString() != "1.2.3.4" || ends.Server != "" {
		t.Errorf("%+v", ends)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		e           Exchange
		failure     string
		description string
	}{
		{Exchange{Role: abi.RoleServer, Status: 404}, "", ""},
		{Exchange{Role: abi.RoleClient, Status: 404}, "404", ""},
		{Exchange{Role: abi.RoleServer, Status: 507}, "507", ""},
		{Exchange{Role: abi.RoleClient, Status: 399}, "", ""},
		{Exchange{Role: abi.RoleServer, Status: 500, Failure: "timeout", Description: "late"}, "timeout", "late"},
	} {
		m := described(c.e, nil)
		if m["error.type"] != c.failure || m["description"] != c.description {
			t.Errorf("%+v: %v", c.e, m)
		}
	}
}

func TestMostAttributes(t *testing.T) {
	for _, role := range []abi.Role{abi.RoleServer, abi.RoleClient} {
		x, ends := New(), Ends{}
		ends.Set(tcp, role)
		(&Exchange{Role: role, Method: "BREW", Path: "/", Host: "h", Port: 1, Route: "/", Status: 500, Version: "1.1"}).Describe(x, &ends, new(URL))
		if n := len(x.Attributes); n > MaxAttributes || cap(x.Attributes) != MaxAttributes {
			t.Errorf("%d attributes in %d", n, cap(x.Attributes))
		}
		if (x.Kind == trace.SpanKindServer) != (role == abi.RoleServer) {
			t.Errorf("kind %v of role %d", x.Kind, role)
		}
	}
}

func TestName(t *testing.T) {
	for want, got := range map[string]string{
		"GET": Name("GET", true, ""), "GET /a/{id}": Name("GET", true, "/a/{id}"), "HTTP": Name("BREW", false, ""), "HTTP /pot": Name("BREW", false, "/pot"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMethod(t *testing.T) {
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY", "get", "BREW", ""} {
		name, standard := Method([]byte(m))
		if name != m || standard != Known([]byte(m)) || standard == (m == "get" || m == "BREW" || m == "") {
			t.Errorf("%q: %q, %t", m, name, standard)
		}
	}
}

func TestVersion(t *testing.T) {
	for want, v := range map[string][2]uint8{"1.0": {1, 0}, "1.1": {1, 1}, "1.9": {1, 9}, "1.10": {1, 10}, "2": {2, 0}, "3": {3, 0}, "": {}, "255.255": {255, 255}} {
		if got := Version(v[0], v[1]); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestSplitAuthority(t *testing.T) {
	for _, c := range []struct {
		text, host string
		port       int
		ok         bool
	}{
		{"shop", "shop", 0, true}, {"shop:80", "shop", 80, true}, {"shop:", "shop", 0, true}, {"[::1]:8", "::1", 8, true}, {"[::1]", "::1", 0, true},
		{"shop:65536", "", 0, false}, {"shop:8x", "", 0, false}, {"::1", "", 0, false}, {"[shop]", "", 0, false}, {"a b", "", 0, false}, {"", "", 0, false}, {":80", "", 80, false},
	} {
		host, port, ok := SplitAuthority([]byte(c.text))
		if ok != c.ok || ok && (string(host) != c.host || port != c.port) {
			t.Errorf("%q: %q, %d, %t", c.text, host, port, ok)
		}
	}
	if got := DropUser([]byte("me:secret@shop:80")); string(got) != "shop:80" {
		t.Errorf("%q", got)
	}
}
