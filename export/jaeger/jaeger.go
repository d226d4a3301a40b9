// Package jaeger exports spans in Thrift to Jaeger's collectors and agents of the generation before OTLP, as the
// OpenTelemetry specification maps them (opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger, version 1.21, the
// last to have it). To later ones send OTLP.
package jaeger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/export/internal/packet"
	"github.com/throughline/throughline/export/internal/parts"
	"github.com/throughline/throughline/export/internal/post"
	"github.com/throughline/throughline/internal/destination"
)

// The variables of the specification.
const (
	envProtocol  = "OTEL_EXPORTER_JAEGER_PROTOCOL"
	envEndpoint  = "OTEL_EXPORTER_JAEGER_ENDPOINT"
	envTimeout   = "OTEL_EXPORTER_JAEGER_TIMEOUT"
	envUser      = "OTEL_EXPORTER_JAEGER_USER"
	envPassword  = "OTEL_EXPORTER_JAEGER_PASSWORD"
	envAgentHost = "OTEL_EXPORTER_JAEGER_AGENT_HOST"
	envAgentPort = "OTEL_EXPORTER_JAEGER_AGENT_PORT"
)

// The protocols, as the specification names them.
const (
	protocolHTTP = "http/thrift.binary"
	protocolUDP  = "udp/thrift.compact"
)

// Where they are spoken.
const (
	defaultEndpoint  = "http://localhost:14268/api/traces"
	defaultAgentHost = "localhost"
	defaultAgentPort = "6831"
)

// Keys are the settings that the exporter knows.
func Keys() []string { return append(post.Keys(), "protocol") }

// Exporter sends a batch in as many requests as it has resources, or in as many packets as it fills.
type Exporter struct {
	client  *post.Client   // nil: UDP
	agent   *packet.Sender // nil: HTTP
	arrived parts.Arrived
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment and, below it, the settings describe.
func New(s destination.Settings) (*Exporter, error) {
	protocol, err := chooseProtocol(s)
	if err != nil {
		return nil, err
	}
	if protocol == protocolUDP {
		return newUDP(s)
	}
	to, err := post.Endpoint(defaultEndpoint, post.Named{Name: envEndpoint, Value: env(envEndpoint)},
		post.Named{Name: "endpoint", Value: s.Endpoint})
	if err != nil {
		return nil, err
	}
	if s.Timeout, err = post.Timeout(envTimeout, s); err != nil {
		return nil, err
	}
	s.User, s.Password = cmp.Or(env(envUser), s.User), cmp.Or(env(envPassword), s.Password)
	client, err := post.New(s, http.MethodPost, to)
	if err != nil {
		return nil, err
	}
	return &Exporter{client: client}, nil
}

func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// chooseProtocol takes the agent's when only an agent is named, as the SDKs did before there was a variable for it.
func chooseProtocol(s destination.Settings) (string, error) {
	protocol := cmp.Or(env(envProtocol), s.Protocol)
	switch {
	case protocol == "" && env(envEndpoint) == "" && (env(envAgentHost) != "" || env(envAgentPort) != ""):
		return protocolUDP, nil
	case protocol == "":
		return protocolHTTP, nil
	case protocol == "grpc":
		return "", errors.New("the protocol grpc is the exporter otlp's: Jaeger takes OTLP on port 4317")
	case !slices.Contains([]string{protocolHTTP, protocolUDP}, protocol):
		return "", fmt.Errorf("unknown protocol %q; known are %s and %s", protocol, protocolHTTP, protocolUDP)
	}
	return protocol, nil
}

// onlyHTTP are the settings that have no meaning for packets.
func onlyHTTP(s destination.Settings) bool {
	return len(s.Headers) > 0 || s.User != "" || s.Password != "" || s.Compression != "" || s.TLS != (destination.TLS{})
}

func newUDP(s destination.Settings) (*Exporter, error) {
	if onlyHTTP(s) {
		return nil, fmt.Errorf("headers, user, password, compression and tls are not settings of %s", protocolUDP)
	}
	address := s.Endpoint
	if host, port := env(envAgentHost), env(envAgentPort); address == "" || host != "" || port != "" {
		address = net.JoinHostPort(cmp.Or(host, defaultAgentHost), cmp.Or(port, defaultAgentPort))
	}
	agent, err := packet.New(address)
	if err != nil {
		return nil, err
	}
	return &Exporter{agent: agent, arrived: parts.Arrived{Unanswered: true}}, nil
}

// ExportSpans sends one batch, once, and returns a *failure.Error if not all of it was accepted.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	spans = e.arrived.Without(spans)
	if e.agent != nil {
		packets, tooLarge, err := packets(spans)
		if err != nil {
			return failure.New(failure.Failed, failure.All, err)
		}
		unfit := fmt.Errorf("%d spans are larger than a packet of %d bytes", tooLarge, packet.MaxBytes)
		return e.arrived.Send(packets, unfit, tooLarge, func(p parts.Part) error { return e.agent.Send(ctx, p.Bytes) })
	}
	bodies, err := bodies(spans)
	if err != nil {
		return failure.New(failure.Failed, failure.All, err)
	}
	return e.arrived.Send(bodies, nil, 0, func(p parts.Part) error {
		_, err := e.client.Post(ctx, p.Bytes, map[string]string{"Content-Type": "application/vnd.apache.thrift.binary"})
		return err
	})
}

// Shutdown closes the connection.
func (e *Exporter) Shutdown(context.Context) error {
	if e.agent != nil {
		e.agent.Close()
	} else {
		e.client.Close()
	}
	return nil
}
