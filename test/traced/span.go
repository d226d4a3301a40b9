package traced

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// A Kind is a span's, as OTLP numbers them.
type Kind int

// The kinds that the agent makes.
const (
	Server Kind = 2
	Client Kind = 3
)

// A Span is what of one is compared, as OTLP JSON has it.
type Span struct {
	TraceID, SpanID, ParentSpanID string
	Kind                          Kind
	Attributes                    []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
}

// Attribute returns the value of a string or a number, "" if there is none.
func (s Span) Attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// read takes the agent's lines of JSON apart.
func read(out io.Reader) (spans []Span, err error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var data struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []Span }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &data); err != nil {
			return nil, fmt.Errorf("reading what the agent printed: %w", err)
		}
		for _, r := range data.ResourceSpans {
			for _, s := range r.ScopeSpans {
				spans = append(spans, s.Spans...)
			}
		}
	}
	return spans, lines.Err()
}
