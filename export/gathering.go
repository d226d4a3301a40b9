package export

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/throughline/throughline/export/gather"
)

// gathering puts the spans of each trace together before they are exported, once.
type gathering struct {
	gatherer *gather.Gatherer
	limit    int64 // spans that it holds without dropping any, those being exported included
	pending  atomic.Int64
	closed   atomic.Bool
}

// settling is the exporter that a gatherer has: it settles what it is given. It returns no errors, which the gatherer could
// tell nobody.
type settling struct {
	*counted
	pending *atomic.Int64
}

func (s settling) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	s.deliver(ctx, spans, func() { s.pending.Add(-int64(len(spans))) })
	return nil
}

func newGathering(config gather.Config, c *counted) *gathering {
	g := &gathering{limit: 2 * int64(config.Spans)}
	g.gatherer = gather.New(config, settling{c, &g.pending})
	return g
}

func (g *gathering) put(span sdktrace.ReadOnlySpan) verdict {
	if g.closed.Load() {
		return tooLate
	}
	if g.pending.Add(1) > g.limit {
		g.pending.Add(-1)
		return full
	}
	g.gatherer.OnEnd(span)
	return taken
}

func (g *gathering) shutdown(ctx context.Context) error {
	g.closed.Store(true)
	return g.gatherer.Shutdown(ctx)
}

func (g *gathering) held() uint64 { return uint64(max(g.pending.Load(), 0)) }

func (g *gathering) capacity() int { return int(g.limit) }

func (g *gathering) early() uint64 { return g.gatherer.Stats().Early }
