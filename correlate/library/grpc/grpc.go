// Package grpc turns the calls that gRPC-Go handled and made into exchanges in the
// words of the semantic conventions for RPC and gRPC.
//
// error.type of a call that ended without a status is what ended it, or "_OTHER".
package grpc

import (
	"bytes"
	"net/netip"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/correlate/library"
	"github.com/throughline/throughline/probes/event"
)

const (
	// maxMethod bounds rpc.method in bytes.
	maxMethod = 256
	// maxAttributes is how many attributes an exchange can have.
	maxAttributes = 12
)

// statuses are the names of gRPC's status codes, by code.
var statuses = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// Decoder is of both, server and client. It keeps text that calls have in common,
// so that it is made once.
type Decoder struct {
	ends       httpspan.Ends
	raw, clean string // the method of the call before
	target     string // likewise, with what it means
	host       string
	port       int
}

var _ library.Decoder = (*Decoder)(nil)

// New makes a decoder.
func New() *Decoder { return &Decoder{} }

// roomy is an exchange with room for its attributes: one allocation.
type roomy struct {
	flow.Exchange
	room [maxAttributes]attribute.KeyValue
}

// Exchange implements library.Decoder.
func (d *Decoder) Exchange(ev *event.Event, conn *flow.Conn) *flow.Exchange {
	r := &roomy{}
	x := &r.Exchange
	library.Begin(x, ev, conn)
	role := abi.Role(ev.Call.Role)
	x.Kind = trace.SpanKindServer
	if role == abi.RoleClient {
		x.Kind = trace.SpanKindClient
	}
	a := append(r.room[:0], semconv.RPCSystemNameGRPC)
	x.Name = "grpc"
	switch method := d.method(ev.CallText(abi.TextPath)); {
	case method == "":
	case abi.CallFlag(ev.Call.CallFlags)&abi.CallUnknownMethod != 0:
		a = append(a, semconv.RPCMethod("_OTHER"), semconv.RPCMethodOriginal(method))
	default:
		x.Name = method
		a = append(a, semconv.RPCMethod(method))
	}
	if role == abi.RoleClient {
		d.aim(ev.CallText(abi.TextHost))
		if d.host != "" {
			a = append(a, semconv.ServerAddress(d.host))
		}
		if d.port != 0 {
			a = append(a, semconv.ServerPort(d.port))
		}
	} else if conn != nil && conn.Family != 0 {
		d.ends.Set(conn, role)
		if d.ends.Server != "" {
			a = append(a, semconv.ServerAddress(d.ends.Server))
		}
		if d.ends.Port != 0 {
			a = append(a, semconv.ServerPort(d.ends.Port))
		}
		a = append(a, d.ends.Attributes...)
	}
	x.Attributes = a
	status(x, ev)
	return x
}

// method is "package.Service/Method" without the slash before it. What a server
// read can be anything; without a slash it is no method.
func (d *Decoder) method(b []byte) string {
	if string(b) != d.raw {
		d.raw = string(b)
		d.clean = ""
		if name, ok := bytes.CutPrefix(b, []byte{'/'}); ok {
			d.clean = httpspan.CleanText(name, maxMethod)
		}
	}
	return d.clean
}

// aim reads a target as grpc.NewClient takes it: "host:port", "dns:///host:port",
// "unix:/path" (doc/naming.md of gRPC). Of other schemes the endpoint is whatever
// their resolvers make of it.
func (d *Decoder) aim(b []byte) {
	if string(b) == d.target {
		return
	}
	d.target, d.host, d.port = string(b), "", 0
	endpoint, unix := endpoint(d.target)
	if unix {
		d.host = httpspan.CleanText([]byte(endpoint), httpspan.MaxHost)
		return
	}
	if address, err := netip.ParseAddr(strings.Trim(endpoint, "[]")); err == nil {
		d.host = address.String() // IPv6 without a port
		return
	}
	if host, port, ok := httpspan.SplitAuthority([]byte(endpoint)); ok {
		d.host, d.port = string(host), port
	}
}

// endpoint cuts the scheme and the authority off a target.
func endpoint(target string) (endpoint string, unix bool) {
	scheme, rest, ok := strings.Cut(target, ":")
	if !ok {
		return target, false
	}
	switch scheme {
	case "unix", "unix-abstract":
		return strings.TrimPrefix(rest, "//"), true
	case "dns", "passthrough":
		if path, ok := strings.CutPrefix(rest, "//"); ok {
			_, rest, _ = strings.Cut(path, "/")
		}
		return rest, false
	}
	if strings.HasPrefix(rest, "//") { // a list of addresses, or the name of a service
		_, rest, _ = strings.Cut(rest[2:], "/")
		return rest, false
	}
	return target, false
}

// status says how the call ended. A server's error is what may be its own fault:
// the others tell of what the client did (semantic conventions for gRPC).
func status(x *flow.Exchange, ev *event.Event) {
	code := int(ev.Call.Status) - 1
	if code < 0 || code >= len(statuses) {
		noStatus(x, abi.CallFlag(ev.Call.CallFlags))
		return
	}
	name := statuses[code]
	x.Attributes = append(x.Attributes, semconv.RPCResponseStatusCodeKey.String(name))
	if code == 0 || x.Kind == trace.SpanKindServer && !serverFault(name) {
		return
	}
	x.Status = codes.Error
	x.Attributes = append(x.Attributes, semconv.ErrorTypeKey.String(name))
}

// noStatus is of a call that ended without one.
func noStatus(x *flow.Exchange, flags abi.CallFlag) {
	failure, description := "", ""
	switch {
	case flags&abi.CallReset != 0:
		failure, description = httpspan.Reset, httpspan.Describe(httpspan.Reset)
	case flags&abi.CallExited != 0:
		failure, description = httpspan.Exit, httpspan.Describe(httpspan.Exit)
	case flags&abi.CallFailed != 0:
		failure, description = semconv.ErrorTypeOther.Value.AsString(), "the call ended without a status"
	default:
		return
	}
	x.Status, x.Description = codes.Error, description
	x.Attributes = append(x.Attributes, semconv.ErrorTypeKey.String(failure))
}

func serverFault(status string) bool {
	switch status {
	case "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS":
		return true
	}
	return false
}
