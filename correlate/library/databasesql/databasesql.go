// Package databasesql turns statements that ran through Go's database/sql into
// exchanges in the words of the stable semantic conventions for databases. Of a
// statement's text its operation and its first table are told, nothing else.
//
// error.type of a statement that failed is "_OTHER", or "process_exit".
package databasesql

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/library"
	"github.com/throughline/throughline/probes/event"
)

const (
	// maxAttributes is how many attributes an exchange can have.
	maxAttributes = 5
	// maxKnown bounds the summaries that are kept; a program has few statements,
	// but it can make their text anew.
	maxKnown = 1024
	// captured is how many bytes of a statement the kernel takes (bpf/go_sql.bpf.c).
	captured = 256
	// processExit is error.type of a statement that its process did not survive.
	processExit = "process_exit"
)

// Decoder keeps what statements are about.
type Decoder struct {
	systems []attribute.KeyValue
	known   map[string]summary
}

var _ library.Decoder = (*Decoder)(nil)

// New makes a decoder.
func New() *Decoder { return &Decoder{systems: systems()} }

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
	x.Kind = trace.SpanKindClient
	system := d.system(ev.Call.Database)
	a := append(r.room[:0], system)
	x.Name = system.Value.AsString()
	if s := d.summary(ev.CallText(abi.TextPath)); s.operation != "" {
		x.Name = s.text
		a = append(a, semconv.DBOperationName(s.operation), semconv.DBQuerySummary(s.text))
		if s.table != "" {
			a = append(a, semconv.DBCollectionName(s.table))
		}
	}
	switch flags := abi.CallFlag(ev.Call.CallFlags); {
	case flags&abi.CallExited != 0:
		x.Status, x.Description = codes.Error, "process ended before the statement did"
		a = append(a, semconv.ErrorTypeKey.String(processExit))
	case flags&abi.CallFailed != 0:
		x.Status, x.Description = codes.Error, "the statement failed"
		a = append(a, semconv.ErrorTypeOther)
	}
	x.Attributes = a
	return x
}

func (d *Decoder) summary(statement []byte) summary {
	if s, ok := d.known[string(statement)]; ok {
		return s
	}
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = map[string]summary{}
	}
	s := summarise(string(statement), len(statement) >= captured)
	d.known[string(statement)] = s
	return s
}
