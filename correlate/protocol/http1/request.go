package http1

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/internal/propagation"
)

// request is what is kept of a request until it is answered.
type request struct {
	start   uint64 // ns
	tgid    uint32
	context abi.TraceContext
	flags   abi.EventFlag
	// aligned tells that the request began an event, so that the events of
	// its head speak of it; pieces that there was more than one.
	aligned bool
	pieces  bool

	method     string // "" never; one of RFC 9110's is a constant
	standard   bool
	minor      byte
	cut        bool // the version was not seen
	connect    bool
	path       string // "" in authority-form
	https      bool
	host       string              // "" if none was given
	port       int                 // 0 if none was given
	remote     *propagation.Remote // if there is no context of the kernel's
	tracestate string
	debugID    string // jaeger-debug-id

	size  uint64 // of the body
	sized bool   // it is known exactly

	headers []attribute.KeyValue // that were asked for, of the response too
}

// newRequest begins a request with the event that brought its first byte.
func newRequest(c *flow.Chunk, aligned bool) request {
	r := request{start: c.Start, tgid: c.Tgid, aligned: aligned}
	if aligned && c.Flags&abi.FlagRequestStart != 0 {
		r.adopt(c)
	}
	return r
}

// adopt takes the kernel's span for this request.
func (r *request) adopt(c *flow.Chunk) {
	const kept = abi.FlagRemoteContext | abi.FlagOverlapped | abi.FlagInjected
	if c.Context.SpanId != r.context.SpanId {
		r.flags = 0
	}
	r.context = c.Context
	r.flags |= c.Flags & kept
}

// follow takes the context of a later event of the same head: the kernel may
// have found a traceparent by now, or have made the span only when it had seen
// the head to its end. Until then its events carry the span before.
func (r *request) follow(c *flow.Chunk) {
	r.pieces = true
	if r.aligned && c.Context.SpanId != ([8]uint8{}) {
		r.adopt(c)
	}
}

// settleContext decides whether the kernel's span is this request's. A head in
// pieces may have been seen without the kernel ever making one.
func (p *parser) settleContext(r *request) {
	if r.pieces && r.context.SpanId == p.span {
		r.context, r.flags = abi.TraceContext{}, 0
	}
	if r.context.SpanId != ([8]uint8{}) {
		p.span = r.context.SpanId
	}
}

// request takes a request's head and puts it into the queue.
func (p *parser) request(s *stream, d abi.Direction, l requestLine, f *fields) {
	if p.role == abi.RoleUnknown {
		p.role = abi.RoleServer
		if d == abi.DirectionSent {
			p.role = abi.RoleClient
		}
		p.sink.SetRole(p.role)
	}
	p.failures = 0
	p.nextRequest()
	if p.waiting() >= maxPipeline {
		for ; p.first < len(p.queue); p.first++ {
			p.sink.Drop(flow.DropPipelineFull)
		}
		p.abandon()
		return
	}
	r := &p.forming
	p.settleContext(r)
	r.method, r.standard = httpspan.Method(l.method)
	r.minor, r.cut = l.minor, l.cut
	r.connect = r.method == http.MethodConnect
	t := parseTarget(l.target, r.connect)
	r.https = t.https
	authority := t.authority
	if len(authority) == 0 && f.hosts == 1 {
		authority = f.host
	}
	if host, port, ok := httpspan.SplitAuthority(httpspan.DropUser(authority)); ok {
		r.host, r.port = p.names.hostText(host), port
	}
	if !r.connect {
		r.path = p.names.pathText(t.path)
	}
	if len(f.context) > 0 {
		p.remote(r, f)
	}
	r.headers = f.headerAttributes(false)
	r.sized = f.hasLength && f.length == 0 && !f.badLength && !f.hasCoding && !f.tooMany
	if p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	} else if p.first >= maxPipeline {
		p.queue = append(p.queue[:0], p.queue[p.first:]...)
		p.first = 0
	}
	p.queue = append(p.queue, *r)
	p.forming = request{}
	if answers := &p.streams[d^1]; answers.phase == phaseLost && p.waiting() == 1 {
		answers.reset(phaseStart)
	}
}

// remote takes what the request's own fields say of its context.
func (p *parser) remote(r *request, f *fields) {
	remote := p.formats.Read(f.context)
	if len(remote.Tracestate) <= maxContext {
		r.tracestate = remote.Tracestate
	}
	r.debugID = remote.DebugID
	if r.context == (abi.TraceContext{}) {
		r.remote = &remote
	}
}

// nextRequest takes the beginning of another request as the end of a response
// whose own end cannot be seen.
func (p *parser) nextRequest() {
	answers := &p.streams[p.ask^1]
	switch {
	case p.waiting() == 0:
	case p.lost:
		p.finishLost(answers.last)
	case answers.phase == phaseBlind, answers.phase == phaseClose, answers.phase == phaseCut:
		last := answers.last
		answers.reset(phaseLost)
		p.finish(last, outcome{})
	}
}

// finishLost reports the requests that were answered by a response not seen.
func (p *parser) finishLost(now uint64) {
	for p.waiting() > 0 {
		p.status = 0
		p.finish(now, outcome{})
	}
	p.lost = false
	p.streams[p.ask^1].reset(phaseLost)
}
