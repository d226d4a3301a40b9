package http1

import (
	"bytes"

	"github.com/throughline/throughline/correlate/httpspan"
)

// target is a request-target taken apart (RFC 9112 section 3.2), as views. It
// holds neither query nor user information.
type target struct {
	path      []byte // nil in authority-form
	authority []byte // empty in origin-form and asterisk-form
	https     bool   // an absolute-form of that scheme
}

func parseTarget(b []byte, connect bool) target {
	if connect {
		return target{authority: httpspan.DropUser(b)}
	}
	if b[0] == '/' || b[0] == '*' {
		return target{path: dropQuery(b)}
	}
	scheme, rest, ok := bytes.Cut(b, []byte("://"))
	if !ok || bytes.IndexByte(scheme, '?') >= 0 || bytes.IndexByte(scheme, '/') >= 0 {
		return target{path: dropQuery(b)}
	}
	t := target{path: []byte("/"), https: equalFold(scheme, "https")}
	end := bytes.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	} else if rest[end] == '/' {
		t.path = dropQuery(rest[end:])
	}
	t.authority = httpspan.DropUser(rest[:end])
	return t
}

func dropQuery(b []byte) []byte {
	if i := bytes.IndexByte(b, '?'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '#'); i >= 0 {
		b = b[:i]
	}
	return b
}
