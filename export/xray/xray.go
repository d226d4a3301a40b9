// Package xray exports spans to an AWS X-Ray daemon, or to a Collector that listens in its place: a segment document a
// span, each in a packet of UDP (docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html, "Sending segment
// documents to the X-Ray daemon").
package xray

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/internal/packet"
	"github.com/throughline/throughline/export/internal/parts"
	"github.com/throughline/throughline/internal/destination"
)

// envAddress is where X-Ray's own SDKs look for the daemon.
const envAddress = "AWS_XRAY_DAEMON_ADDRESS"

const defaultAddress = "127.0.0.1:2000"

// header goes before each document.
const header = `{"format":"json","version":1}` + "\n"

// maxDocument is how large a document may be, in bytes: X-Ray's own limit is 64 kB, a packet's less.
const maxDocument = packet.MaxBytes - len(header)

// Keys are the settings that the exporter knows.
func Keys() []string { return []string{"endpoint", "indexed"} }

// Exporter sends a span at a time.
type Exporter struct {
	daemon  *packet.Sender
	indexed map[string]bool
	arrived parts.Arrived
}

var _ sdktrace.SpanExporter = (*Exporter)(nil)

// New makes the exporter that the environment and, below it, the settings describe.
func New(s destination.Settings) (*Exporter, error) {
	address := cmp.Or(udp(os.Getenv(envAddress)), s.Endpoint, defaultAddress)
	daemon, err := packet.New(address)
	if err != nil {
		return nil, err
	}
	indexed := s.Indexed
	if indexed == nil {
		indexed = defaultIndexed
	}
	e := &Exporter{daemon: daemon, indexed: map[string]bool{}, arrived: parts.Arrived{Unanswered: true}}
	for _, key := range indexed {
		e.indexed[key] = true
	}
	return e, nil
}

// udp is the part of the variable that segments are sent to: "127.0.0.1:2000", or "tcp:127.0.0.1:2000 udp:127.0.0.2:2001".
func udp(variable string) string {
	fields := strings.Fields(variable)
	for _, field := range fields {
		if address, ok := strings.CutPrefix(field, "udp:"); ok {
			return address
		}
	}
	if len(fields) == 1 && !strings.HasPrefix(fields[0], "tcp:") {
		return fields[0]
	}
	return ""
}

// ExportSpans sends one batch, once, and returns a *failure.Error if not all of it could be sent.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	spans = e.arrived.Without(spans)
	packets := make([]parts.Part, 0, len(spans))
	unfit := 0
	for i, s := range spans {
		document, ok := e.document(s)
		if !ok {
			unfit++
			continue
		}
		packets = append(packets, parts.Part{Bytes: append([]byte(header), document...), Spans: spans[i : i+1]})
	}
	tooLarge := fmt.Errorf("%d spans make a segment document of more than %d bytes", unfit, maxDocument)
	return e.arrived.Send(packets, tooLarge, unfit, func(p parts.Part) error { return e.daemon.Send(ctx, p.Bytes) })
}

// Shutdown closes the socket.
func (e *Exporter) Shutdown(context.Context) error {
	e.daemon.Close()
	return nil
}
