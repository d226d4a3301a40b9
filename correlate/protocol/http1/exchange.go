package http1

import (
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

// outcome is how an exchange ended.
type outcome struct {
	size  uint64 // of the response's body
	sized bool   // it is known exactly
	err   string // error.type if there is no complete response
}

// pop takes the first request off the queue.
func (p *parser) pop() {
	p.queue[p.first] = request{}
	if p.first++; p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
	p.status = 0
}

// finish emits the exchange of the first request, whose response has p.status,
// or none if that is 0.
func (p *parser) finish(now uint64, o outcome) {
	r := p.front()
	conn := p.sink.Conn()
	if p.names.conn != conn {
		p.names.conn = conn
		p.names.ends.Set(conn, p.role)
	}
	x := httpspan.New()
	x.Conn, x.Tgid = conn, r.tgid
	x.Context, x.Flags = r.context, r.flags
	x.Remote, x.Tracestate, x.DebugID = r.remote, r.tracestate, r.debugID
	x.Name = httpspan.Name(r.method, r.standard, "")
	x.Start, x.End = r.start, max(r.start, now)
	p.describe(x, r, o)
	p.pop()
	p.sink.Emit(x)
}

// describe gives x everything that HTTP says of it.
func (p *parser) describe(x *flow.Exchange, r *request, o outcome) {
	e := httpspan.Exchange{
		Role: p.role, Method: r.method, Standard: r.standard,
		HTTPS: r.https, Path: r.path, Host: r.host, Port: r.port,
		Status: p.status, RequestSize: -1, ResponseSize: -1,
	}
	if !r.cut {
		e.Version = httpspan.Version(1, r.minor)
	}
	if r.sized {
		e.RequestSize = int64(r.size)
	}
	if o.sized {
		e.ResponseSize = int64(o.size)
	}
	if o.err != "" {
		e.Failure, e.Description = o.err, httpspan.Describe(o.err)
	}
	e.Describe(x, &p.names.ends, &p.names.url)
	x.Attributes = append(x.Attributes, r.headers...)
}

// names holds text that the exchanges of a connection have in common, so that
// it is made once.
type names struct {
	conn *flow.Conn
	ends httpspan.Ends // of conn

	host, path string // of the latest request
	url        httpspan.URL
}

func (n *names) hostText(b []byte) string {
	if string(b) != n.host {
		n.host = string(b)
	}
	return n.host
}

func (n *names) pathText(b []byte) string {
	if string(b) != n.path {
		n.path = httpspan.CleanText(b, httpspan.MaxPath)
	}
	return n.path
}
