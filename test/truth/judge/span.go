// Package judge compares spans with the requests that were really made. It needs
// nothing but the spans: each carries the id of its request, and the ids tell who
// called whom.
package judge

import "encoding/hex"

// A Side is one end of a request.
type Side int

// The sides of a request.
const (
	Server Side = iota
	Client
)

func (s Side) String() string {
	if s == Server {
		return "SERVER"
	}
	return "CLIENT"
}

// A Key names one expected span: a side of a request.
type Key struct {
	ID   string
	Side Side
}

func (k Key) String() string { return k.Side.String() + " " + k.ID }

// parent returns the key of the span that must be this one's parent. ok is false
// for what the driver sends, which is not traced.
func (k Key) parent() (parent Key, ok bool) {
	switch from := caller(k.ID); {
	case k.Side == Client:
		return Key{from, Server}, true
	case from == "":
		return Key{}, false
	}
	return Key{k.ID, Client}, true
}

// open tells whether the span may be without a parent.
func (k Key) open() bool {
	m := mark(k.ID)
	return k.Side == Client && (m == markNone || m == markMay)
}

// A Context is a span's identity; the zero value is none.
type Context struct {
	Trace [16]byte
	Span  [8]byte
}

func (c Context) none() bool { return c.Span == [8]byte{} }

func (c Context) String() string {
	return hex.EncodeToString(c.Span[:]) + " of trace " + hex.EncodeToString(c.Trace[:4])
}

// A Span is what is looked at of one.
type Span struct {
	Key
	Context
	Parent [8]byte // zero: none
}

// up is the identity that a span's parent must have.
func (s Span) up() Context { return Context{Trace: s.Trace, Span: s.Parent} }

// A Request is one that the driver has sent, and the spans that must come of it.
type Request struct {
	Early  bool    // sent before the agent traced: there may be spans, which must not be wrong
	Sent   Context // what it was sent with
	Expect []Key   // the first is its own SERVER side
}
