package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kinds of spans in OTLP.
const (
	server = 2
	client = 3
)

const statusError = 2

// A span as the agent exported it.
type span struct {
	Trace, ID, Parent string
	State             string // tracestate
	Name              string
	Kind              int
	Start, End        time.Time
	Attributes        map[string]string
	Status            int
	Message           string
	Resource          map[string]string
}

func (s span) duration() time.Duration { return s.End.Sub(s.Start) }
func (s span) method() string          { return s.Attributes["http.request.method"] }
func (s span) path() string            { return s.Attributes["url.path"] }
func (s span) code() string            { return s.Attributes["http.response.status_code"] }
func (s span) service() string         { return s.Resource["service.name"] }

func (s span) String() string {
	kind := map[int]string{server: "SERVER", client: "CLIENT"}[s.Kind]
	return fmt.Sprintf("%s %s %s %s -> %s (trace %s span %s parent %s, %s, error.type %q)",
		s.service(), kind, s.method(), s.path(), s.code(), s.Trace, s.ID, s.Parent, s.duration(), s.Attributes["error.type"])
}

// The parts of OTLP's JSON encoding that are looked at.
type (
	otlpValue struct {
		String *string  `json:"stringValue"`
		Int    *string  `json:"intValue"`
		Bool   *bool    `json:"boolValue"`
		Double *float64 `json:"doubleValue"`
		Array  *struct {
			Values []otlpValue `json:"values"`
		} `json:"arrayValue"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpSpan struct {
		TraceID    string          `json:"traceId"`
		SpanID     string          `json:"spanId"`
		State      string          `json:"traceState"`
		Parent     string          `json:"parentSpanId"`
		Name       string          `json:"name"`
		Kind       int             `json:"kind"`
		Start      string          `json:"startTimeUnixNano"`
		End        string          `json:"endTimeUnixNano"`
		Attributes []otlpAttribute `json:"attributes"`
		Status     struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"status"`
	}
	otlpData struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []otlpAttribute `json:"attributes"`
			} `json:"resource"`
			ScopeSpans []struct {
				Spans []otlpSpan `json:"spans"`
			} `json:"scopeSpans"`
		} `json:"resourceSpans"`
	}
)

func (v otlpValue) text() string {
	switch {
	case v.String != nil:
		return *v.String
	case v.Int != nil:
		return *v.Int
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool)
	case v.Double != nil:
		return strconv.FormatFloat(*v.Double, 'g', -1, 64)
	case v.Array != nil:
		var all []string
		for _, one := range v.Array.Values {
			all = append(all, one.text())
		}
		return strings.Join(all, "|")
	}
	return ""
}

func attributes(list []otlpAttribute) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		m[a.Key] = a.Value.text()
	}
	return m
}

// parseSpans reads whole lines of OTLP JSON.
func parseSpans(text string) ([]span, error) {
	var spans []span
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		var data otlpData
		if err := json.Unmarshal([]byte(line), &data); err != nil {
			return nil, fmt.Errorf("parsing %q: %w", line, err)
		}
		for _, r := range data.ResourceSpans {
			resource := attributes(r.Resource.Attributes)
			for _, scope := range r.ScopeSpans {
				for _, s := range scope.Spans {
					spans = append(spans, s.span(resource))
				}
			}
		}
	}
	return spans, nil
}

func (s otlpSpan) span(resource map[string]string) span {
	return span{
		Trace: s.TraceID, ID: s.SpanID, Parent: s.Parent, State: s.State, Name: s.Name, Kind: s.Kind,
		Start: unixNano(s.Start), End: unixNano(s.End),
		Attributes: attributes(s.Attributes), Status: s.Status.Code, Message: s.Status.Message,
		Resource: resource,
	}
}

func unixNano(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64) // 0 fails whatever looks at it
	return time.Unix(0, n)
}

// filter gives the spans for which keep holds.
func filter(spans []span, keep func(span) bool) []span {
	var kept []span
	for _, s := range spans {
		if keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func ofKind(kind int) func(span) bool { return func(s span) bool { return s.Kind == kind } }

func ofPath(kind int, path string) func(span) bool {
	return func(s span) bool { return s.Kind == kind && s.path() == path }
}

func list(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "\n  %s", s)
	}
	return b.String()
}
