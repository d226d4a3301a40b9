// Package httpspan writes HTTP exchanges in the words of OpenTelemetry's stable
// semantic conventions, whoever saw them: a parser of bytes, or a library's
// probes. What two sources know of the same exchange thus reads the same.
package httpspan

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

const (
	// MaxPath bounds url.path in bytes.
	MaxPath = 1024
	// MaxHost bounds the authority in bytes: a domain name has at most 253
	// and a port 6.
	MaxHost = 262
	// MaxAttributes is how many attributes an exchange can have.
	MaxAttributes = 17
)

// Exchange is what is known of an HTTP exchange. Texts are ready to be shown.
type Exchange struct {
	Role     abi.Role
	Method   string // as sent; "" if not known
	Standard bool   // it is one that the conventions know
	HTTPS    bool
	Path     string // no query; "" for none, as in authority-form
	Host     string // that the request names; "" for none
	Port     int    // of Host; 0 if it has none
	Route    string // "" if not known
	Status   int    // of the response; 0 for none
	Version  string // "" if not known

	RequestSize, ResponseSize int64 // of the bodies; below 0 if not known

	// Failure is error.type if there is no complete response, and
	// Description says it in words.
	Failure, Description string
}

// record is an exchange with room for its attributes: one allocation.
type record struct {
	flow.Exchange
	room [MaxAttributes]attribute.KeyValue
}

// New makes an exchange with room for the attributes that Describe gives it.
func New() *flow.Exchange {
	r := &record{}
	r.Attributes = r.room[:0]
	return &r.Exchange
}

// Name is a span's name. It is made anew for each exchange with a route.
func Name(method string, standard bool, route string) string {
	if !standard {
		method = "HTTP"
	}
	if route == "" {
		return method
	}
	return method + " " + route
}

// Describe gives x its kind, status and attributes. No header value is among
// them but the host that was asked for, and no query string.
func (e *Exchange) Describe(x *flow.Exchange, ends *Ends, url *URL) {
	x.Kind = trace.SpanKindServer
	if e.Role == abi.RoleClient {
		x.Kind = trace.SpanKindClient
	}
	a := x.Attributes
	if e.Standard {
		a = append(a, semconv.HTTPRequestMethodKey.String(e.Method))
	} else {
		a = append(a, semconv.HTTPRequestMethodOther)
		if e.Method != "" {
			a = append(a, semconv.HTTPRequestMethodOriginal(e.Method))
		}
	}
	if e.Path != "" {
		a = append(a, semconv.URLPath(e.Path))
	}
	scheme := "http"
	if e.HTTPS {
		scheme = "https"
	}
	a = append(a, semconv.URLScheme(scheme))
	if host, port := e.server(ends); host != "" {
		a = append(a, semconv.ServerAddress(host))
		if port != 0 {
			a = append(a, semconv.ServerPort(port))
		}
		if e.Role == abi.RoleClient && e.Path != "" && (e.Host != "" || !ends.Unix) {
			a = append(a, semconv.URLFull(url.Text(scheme, host, e.shownPort(ends), e.Path)))
		}
	}
	if e.Route != "" {
		a = append(a, semconv.HTTPRoute(e.Route))
	}
	if e.Status != 0 {
		a = append(a, semconv.HTTPResponseStatusCode(e.Status))
	}
	if e.Version != "" {
		a = append(a, semconv.NetworkProtocolVersion(e.Version))
	}
	if e.RequestSize >= 0 {
		a = append(a, semconv.HTTPRequestBodySize(int(e.RequestSize)))
	}
	if e.ResponseSize >= 0 {
		a = append(a, semconv.HTTPResponseBodySize(int(e.ResponseSize)))
	}
	x.Attributes = append(a, ends.Attributes...)
	e.judge(x)
}

// server tells whom the request was for: the authority it names, else this
// end's or the other end's address.
func (e *Exchange) server(ends *Ends) (host string, port int) {
	switch {
	case e.Host == "":
		return ends.Server, ends.Port
	case e.Port != 0:
		return e.Host, e.Port
	case ends.Port != 0:
		return e.Host, ends.Port
	case ends.Unix:
		return e.Host, 0
	}
	return e.Host, defaultPort(e.HTTPS)
}

// shownPort is the port in url.full; 0: none.
func (e *Exchange) shownPort(ends *Ends) int {
	if e.Host == "" && ends.Port != defaultPort(e.HTTPS) {
		return ends.Port
	}
	return e.Port
}

func defaultPort(https bool) int {
	if https {
		return 443
	}
	return 80
}
