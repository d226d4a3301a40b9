package http1

import (
	"net/http"
	"net/netip"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

// outcome is how an exchange ended.
type outcome struct {
	size  uint64 // of the response's body
	sized bool   // it is known exactly
	err   string // error.type if there is no complete response
}

// maxAttributes is how many attributes an exchange can have.
const maxAttributes = 17

// record is an exchange with room for its attributes: one allocation.
type record struct {
	flow.Exchange
	room [maxAttributes]attribute.KeyValue
}

// pop takes the first request off the queue.
func (p *parser) pop() {
	p.queue[p.first] = request{}
	if p.first++; p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
	p.status = 0
}

// finish emits the exchange of the first request, whose response has p.status,
// or none if that is 0.
func (p *parser) finish(now uint64, o outcome) {
	r := p.front()
	conn := p.sink.Conn()
	p.names.connection(conn, p.role)

	x := &record{}
	x.Conn, x.Tgid = conn, r.tgid
	x.Context, x.Flags = r.context, r.flags
	x.Traceparent, x.Tracestate = r.traceparent, r.tracestate
	x.Kind = trace.SpanKindServer
	if p.role == abi.RoleClient {
		x.Kind = trace.SpanKindClient
	}
	x.Name = r.method
	if !r.standard {
		x.Name = "HTTP"
	}
	x.Start, x.End = r.start, max(r.start, now)
	x.Attributes = p.attributes(x.room[:0], conn, r, o)
	p.judge(x, o)
	p.pop()
	p.sink.Emit(&x.Exchange)
}

// judge sets the span's status and error.type by the rules of the HTTP semantic
// conventions: 4xx is the client's failure, 5xx everybody's.
func (p *parser) judge(x *record, o outcome) {
	failure := o.err
	switch {
	case failure != "":
		x.Description = describe(failure)
	case p.status >= 500, p.status >= 400 && x.Kind == trace.SpanKindClient:
		failure = statusText(p.status)
	default:
		return
	}
	x.Status = codes.Error
	x.Attributes = append(x.Attributes, semconv.ErrorTypeKey.String(failure))
}

func describe(failure string) string {
	switch failure {
	case errorReset:
		return "connection reset before the response was complete"
	case errorTimeout:
		return "no complete response in time"
	case errorExit:
		return "process ended before the response was complete"
	}
	return "connection closed before the response was complete"
}

// statusText writes a status code without allocating for the common ones.
func statusText(status int) string {
	switch status {
	case http.StatusNotFound:
		return "404"
	case http.StatusInternalServerError:
		return "500"
	case http.StatusBadGateway:
		return "502"
	case http.StatusServiceUnavailable:
		return "503"
	}
	return strconv.Itoa(status)
}

// attributes describes an exchange. No header value is among them but the host
// that was asked for, and no query string.
func (p *parser) attributes(a []attribute.KeyValue, conn *flow.Conn, r *request, o outcome) []attribute.KeyValue {
	if r.standard {
		a = append(a, semconv.HTTPRequestMethodKey.String(r.method))
	} else {
		a = append(a, semconv.HTTPRequestMethodOther, semconv.HTTPRequestMethodOriginal(r.method))
	}
	scheme := "http"
	if r.https {
		scheme = "https"
	}
	if r.path != "" {
		a = append(a, semconv.URLPath(r.path))
	}
	a = append(a, semconv.URLScheme(scheme))
	host, port := p.server(conn, r)
	if host != "" {
		a = append(a, semconv.ServerAddress(host))
		if port != 0 {
			a = append(a, semconv.ServerPort(port))
		}
		if p.role == abi.RoleClient && r.path != "" && (r.host != "" || conn.Family != unix.AF_UNIX) {
			a = append(a, semconv.URLFull(p.names.fullText(scheme, host, r)))
		}
	}
	if p.status != 0 {
		a = append(a, semconv.HTTPResponseStatusCode(p.status))
	}
	if !r.cut {
		a = append(a, semconv.NetworkProtocolVersion(versionText(r.minor)))
	}
	if r.sized {
		a = append(a, semconv.HTTPRequestBodySize(int(r.size)))
	}
	if o.sized {
		a = append(a, semconv.HTTPResponseBodySize(int(o.size)))
	}
	return append(a, p.names.attributes...)
}

// server tells whom the request was for: the authority it names, else this
// end's or the other end's address.
func (p *parser) server(conn *flow.Conn, r *request) (host string, port int) {
	if r.host == "" {
		return p.names.server, p.names.port
	}
	switch {
	case r.port != 0:
		return r.host, r.port
	case p.names.port != 0:
		return r.host, p.names.port
	case conn.Family == unix.AF_UNIX:
		return r.host, 0
	case r.https:
		return r.host, 443
	}
	return r.host, 80
}

// methodName returns the method as text, and whether it is one that the
// conventions know: those of RFC 9110, PATCH (RFC 5789) and QUERY.
func methodName(b []byte) (name string, standard bool) {
	switch string(b) {
	case http.MethodGet:
		return http.MethodGet, true
	case http.MethodPost:
		return http.MethodPost, true
	case http.MethodPut:
		return http.MethodPut, true
	case http.MethodDelete:
		return http.MethodDelete, true
	case http.MethodHead:
		return http.MethodHead, true
	case http.MethodOptions:
		return http.MethodOptions, true
	case http.MethodPatch:
		return http.MethodPatch, true
	case http.MethodTrace:
		return http.MethodTrace, true
	case http.MethodConnect:
		return http.MethodConnect, true
	case "QUERY":
		return "QUERY", true
	}
	return string(b), false
}

// known reports whether a method is one that the conventions know.
func known(b []byte) bool {
	switch string(b) {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead,
		http.MethodOptions, http.MethodPatch, http.MethodTrace, http.MethodConnect, "QUERY":
		return true
	}
	return false
}

func versionText(minor byte) string {
	const versions = "1.01.11.21.31.41.51.61.71.81.9"
	return versions[3*int(minor) : 3*int(minor)+3]
}

// names holds text that the exchanges of a connection have in common, so that
// it is made once.
type names struct {
	conn       *flow.Conn
	attributes []attribute.KeyValue // of the connection
	server     string               // address to show if the request names none
	port       int

	host, path         string // of the latest request
	full               string // of the latest request sent
	fullHost, fullPath string // what full was made of
	fullPort           int
}

func (n *names) hostText(b []byte) string {
	if string(b) != n.host {
		n.host = string(b)
	}
	return n.host
}

func (n *names) pathText(b []byte) string {
	if string(b) != n.path {
		n.path = cleanText(b, maxPath)
	}
	return n.path
}

// fullText builds url.full from what is shown anyway.
func (n *names) fullText(scheme, host string, r *request) string {
	if n.full != "" && n.fullHost == host && n.fullPath == r.path && n.fullPort == r.port && !r.https {
		return n.full
	}
	shown := host
	if len(host) > 0 && host[0] != '[' {
		if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
			shown = "[" + host + "]"
		}
	}
	port := ""
	if r.port != 0 {
		port = ":" + strconv.Itoa(r.port)
	} else if r.host == "" && n.port != 0 && n.port != 80 {
		port = ":" + strconv.Itoa(n.port)
	}
	path := r.path
	if path == "*" {
		path = "" // RFC 9110 section 4.2.1 knows no such URI; RFC 9112 section 3.3
	}
	full := scheme + "://" + shown + port + path
	if !r.https {
		n.full, n.fullHost, n.fullPath, n.fullPort = full, host, r.path, r.port
	}
	return full
}

// connection makes the attributes of a connection, once for each state of
// knowledge about it.
func (n *names) connection(c *flow.Conn, role abi.Role) {
	if n.conn == c {
		return
	}
	n.conn, n.attributes = c, make([]attribute.KeyValue, 0, 5)
	n.server, n.port, n.full = "", 0, ""
	if c.Family == unix.AF_UNIX {
		n.attributes = append(n.attributes, semconv.NetworkTransportUnix)
		if c.Path == "" {
			return
		}
		n.server = c.Path
		// The path names the server's end.
		if role == abi.RoleClient {
			n.attributes = append(n.attributes, semconv.NetworkPeerAddress(c.Path))
		} else {
			n.attributes = append(n.attributes, semconv.NetworkLocalAddress(c.Path))
		}
		return
	}
	if c.Remote.IsValid() {
		peer := c.Remote.Addr().String()
		n.attributes = append(n.attributes, semconv.NetworkPeerAddress(peer), semconv.NetworkPeerPort(int(c.Remote.Port())))
		if role == abi.RoleServer {
			n.attributes = append(n.attributes, semconv.ClientAddress(peer), semconv.ClientPort(int(c.Remote.Port())))
		}
		kind := semconv.NetworkTypeIPv4
		if c.Remote.Addr().Is6() {
			kind = semconv.NetworkTypeIPv6
		}
		n.attributes = append(n.attributes, kind)
	}
	end := c.Local
	if role == abi.RoleClient {
		end = c.Remote
	}
	if end.IsValid() {
		n.server, n.port = end.Addr().String(), int(end.Port())
	}
}
