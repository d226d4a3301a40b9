// Package nethttp turns the requests that Go's net/http served and made into
// exchanges in the words of the stable HTTP semantic conventions.
//
// error.type of a request that came to no response is "panic" if its handler
// panicked and "_OTHER" if net/http returned an error.
package nethttp

import (
	"net/http"
	"net/netip"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/correlate/library"
	"github.com/throughline/throughline/probes/event"
)

// Decoder is of both, server and client. It keeps text that requests have in
// common, so that it is made once.
type Decoder struct {
	ends       httpspan.Ends
	url        httpspan.URL
	host, path text
	routes     routes
}

var _ library.Decoder = (*Decoder)(nil)

// New makes a decoder.
func New() *Decoder { return &Decoder{} }

// Exchange implements library.Decoder.
func (d *Decoder) Exchange(ev *event.Event, conn *flow.Conn) *flow.Exchange {
	x := httpspan.New()
	library.Begin(x, ev, conn)
	var e httpspan.Exchange
	d.request(&e, ev)
	response(&e, ev)
	d.setEnds(&e, ev, conn)
	x.Name = httpspan.Name(e.Method, e.Standard, "")
	if e.Role == abi.RoleServer {
		if r := d.routes.of(x.Name, ev.CallText(abi.TextRoute), ev.CallText(abi.TextRouter), ev.CallText(abi.TextPath)); r.route != "" {
			e.Route, x.Name = r.route, r.name
		}
	}
	e.Describe(x, &d.ends, &d.url)
	return x
}

// request reads what was asked for.
func (d *Decoder) request(e *httpspan.Exchange, ev *event.Event) {
	c := &ev.Call
	e.Role = abi.Role(c.Role)
	e.HTTPS = abi.CallFlag(c.CallFlags)&abi.CallTls != 0
	e.Version = httpspan.Version(c.Major, c.Minor)
	method := ev.CallText(abi.TextMethod)
	if e.Method, e.Standard = httpspan.Method(method); !e.Standard {
		if e.Method == "" && e.Role == abi.RoleClient {
			e.Method, e.Standard = http.MethodGet, true // Request.Method says so
		} else {
			e.Method = httpspan.CleanText(method, maxMethod)
		}
	}
	if path := ev.CallText(abi.TextPath); len(path) > 0 || e.Method != http.MethodConnect {
		e.Path = d.path.of(path, pathText)
	}
	host, port, ok := httpspan.SplitAuthority(httpspan.DropUser(ev.CallText(abi.TextHost)))
	if ok {
		e.Host, e.Port = d.host.of(host, hostText), port
	}
	e.RequestSize = requestSize(e, c.RequestSize)
}

// requestSize is the size of the request's body, -1 if it is not known or there
// is none. A Request of net/http has a length of 0 for both, and one that is sent
// also if it is not known; what is received has a body by its method, then.
func requestSize(e *httpspan.Exchange, size int64) int64 {
	switch {
	case size > 0:
		return size
	case size < 0 || e.Role == abi.RoleClient:
		return -1
	}
	switch e.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return 0
	}
	return -1
}

// response reads how the request was answered, after request.
func response(e *httpspan.Exchange, ev *event.Event) {
	c, flags := &ev.Call, abi.CallFlag(ev.Call.CallFlags)
	if c.Status >= 100 && c.Status <= 999 {
		e.Status = int(c.Status)
	}
	e.ResponseSize = -1
	switch {
	case flags&abi.CallReset != 0:
		e.Failure, e.Description = httpspan.Reset, httpspan.Describe(httpspan.Reset)
	case flags&abi.CallExited != 0:
		e.Failure, e.Description = httpspan.Exit, httpspan.Describe(httpspan.Exit)
	case flags&abi.CallPanicked != 0:
		e.Failure, e.Description = "panic", "the handler panicked"
	case flags&abi.CallFailed != 0:
		e.Failure, e.Description = semconv.ErrorTypeOther.Value.AsString(), "the request failed before a response came"
	case flags&abi.CallHijacked != 0:
	case e.Status >= 200 && e.Method != http.MethodConnect && httpspan.BodySent(e.Method, e.Status):
		e.ResponseSize = max(c.ResponseSize, -1)
	}
}

// setEnds takes the ends of the connection, or the other end as net/http has it.
func (d *Decoder) setEnds(e *httpspan.Exchange, ev *event.Event, conn *flow.Conn) {
	if conn != nil && conn.Family != 0 {
		d.ends.Set(conn, e.Role)
	} else {
		d.ends.SetPeer(peer(ev.CallText(abi.TextPeer)), e.Role)
	}
	if e.Role == abi.RoleClient && e.Host != "" {
		// The URL has the port that was meant; the connection may be a
		// proxy's.
		d.ends.Port = 0
	}
}

// peer reads "address:port"; the result is not valid for anything else.
func peer(b []byte) netip.AddrPort {
	if len(b) < len("::1:1") || b[0] == '@' { // net's name for an unnamed Unix socket
		return netip.AddrPort{}
	}
	p, err := netip.ParseAddrPort(string(b))
	if err != nil {
		return netip.AddrPort{}
	}
	return p
}
