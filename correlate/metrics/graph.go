package metrics

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// patience is how long a call's other end is waited for, in nanoseconds.
	patience = uint64(5 * time.Second)
	// maxWaiting bounds the calls that are waited for; the oldest gives way.
	maxWaiting = 16384
)

// graph counts who calls whom. A call that two targets are the ends of is counted once, when both are known. They are the
// same call if they are of one trace and either the SERVER span is the CLIENT span's child or both are on a connection from the same
// port; behind a proxy that passes headers on, only the latter holds, and then the former would join the wrong two.
type graph struct {
	most     int
	bounds   []float64
	peer     func(string) string
	edges    map[string]*edge
	overflow *edge
	folded   uint64
	key      []byte

	bySpan  map[spanKey]*half
	byPort  map[portKey]*half // a chain: one trace may use a connection twice
	oldest  half              // the ring of those that wait, by age
	free    *half
	waiting int
	hurried uint64
}

type spanKey struct {
	trace  trace.TraceID
	span   trace.SpanID // the CLIENT span's
	client bool         // of the half that waits
}

type portKey struct {
	trace  trace.TraceID
	port   uint16 // of the connection's end that made the call
	client bool
}

// A half is one end of a call that waits for the other.
type half struct {
	prev, next *half // in the ring
	chain      *half // of the same port

	span    spanKey
	port    uint16 // 0: not known
	service string
	peer    string // address of a call's other end
	to      int    // its port
	seconds float64
	failed  bool
	began   uint64 // when it began to wait, CLOCK_MONOTONIC
	at      time.Time
}

func newGraph(most int, bounds []float64, peer func(string) string) graph {
	return graph{
		most: most, bounds: bounds, peer: peer, edges: map[string]*edge{},
		bySpan: map[spanKey]*half{}, byPort: map[portKey]*half{},
	}
}

// record takes one finished exchange.
func (g *graph) record(m *Measured, seconds float64) {
	x := m.Exchange
	h := half{service: m.Service, seconds: seconds, failed: failed(x), began: x.End, at: m.End}
	h.span.trace = m.Span.TraceID()
	switch x.Kind {
	case trace.SpanKindClient:
		h.span.span, h.span.client = m.Span.SpanID(), true
		if v := find(x.Attributes, semconv.ServerAddressKey); v != nil {
			h.peer = v.AsString()
		}
		if v := find(x.Attributes, semconv.ServerPortKey); v != nil {
			h.to = int(v.AsInt64())
		}
		if name := base(x.Attributes); name != "" {
			if h.peer == "" {
				h.peer = name
			}
			g.count(h.service, h.peer, h.to, database, nil, &h)
			return
		}
		if x.Conn != nil {
			h.port = x.Conn.Local.Port()
		}
	case trace.SpanKindServer:
		if !m.Parent.IsValid() {
			g.count(nobody, h.service, 0, virtual, &h, nil)
			return
		}
		h.span.span = m.Parent.SpanID()
		if x.Conn != nil {
			h.port = x.Conn.Remote.Port()
		}
	default:
		return
	}
	if other := g.other(&h); other != nil {
		g.remove(other)
		client, server := &h, other
		if other.span.client {
			client, server = other, &h
		}
		g.count(client.service, server.service, 0, traced, server, client)
		g.release(other)
		return
	}
	g.wait(h)
}

// base names the database of a statement: its namespace, else its system; "": it is none.
func base(all []attribute.KeyValue) string {
	system := find(all, semconv.DBSystemNameKey)
	if system == nil {
		return ""
	}
	if v := find(all, semconv.DBNamespaceKey); v != nil {
		return v.AsString()
	}
	return system.AsString()
}

// other finds the end that waits for this one.
func (g *graph) other(h *half) *half {
	span := h.span
	span.client = !span.client
	if o := g.bySpan[span]; o != nil && (o.port == h.port || o.port == 0 || h.port == 0) {
		return o
	}
	if h.port == 0 {
		return nil
	}
	o := g.byPort[portKey{h.span.trace, h.port, span.client}]
	for o != nil && o.chain != nil { // the first that came
		o = o.chain
	}
	return o
}

// wait keeps an end until the other one comes.
func (g *graph) wait(given half) {
	if g.oldest.next == nil {
		g.oldest.next, g.oldest.prev = &g.oldest, &g.oldest
	}
	if g.waiting >= maxWaiting {
		g.hurried++
		g.alone(g.oldest.next)
	}
	h := g.free
	if h == nil {
		h = &half{}
	} else {
		g.free = h.chain
	}
	*h = given
	h.prev, h.next = g.oldest.prev, &g.oldest
	h.prev.next, h.next.prev = h, h
	g.waiting++
	g.bySpan[h.span] = h
	if h.port != 0 {
		key := portKey{h.span.trace, h.port, h.span.client}
		h.chain = g.byPort[key]
		g.byPort[key] = h
	}
}

// remove takes an end out of what waits.
func (g *graph) remove(h *half) {
	h.prev.next, h.next.prev = h.next, h.prev
	g.waiting--
	if g.bySpan[h.span] == h {
		delete(g.bySpan, h.span)
	}
	if h.port == 0 {
		return
	}
	key := portKey{h.span.trace, h.port, h.span.client}
	switch first := g.byPort[key]; {
	case first == h && h.chain == nil:
		delete(g.byPort, key)
	case first == h:
		g.byPort[key] = h.chain
	default:
		for ; first != nil; first = first.chain {
			if first.chain == h {
				first.chain = h.chain
				break
			}
		}
	}
}

func (g *graph) release(h *half) {
	*h = half{chain: g.free}
	g.free = h
}

// expire counts what waits too long.
func (g *graph) expire(now uint64) {
	for h := g.oldest.next; h != nil && h != &g.oldest && now > h.began && now-h.began > patience; h = g.oldest.next {
		g.alone(h)
	}
}

// alone counts a call of which one end is known.
func (g *graph) alone(h *half) {
	g.remove(h)
	if h.span.client {
		g.count(h.service, h.peer, h.to, virtual, nil, h)
	} else {
		g.count(unknown, h.service, 0, virtual, h, nil)
	}
	g.release(h)
}
