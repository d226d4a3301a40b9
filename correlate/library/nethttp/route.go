package nethttp

import (
	"bytes"

	"github.com/throughline/throughline/correlate/httpspan"
)

// maxRoutes bounds the table of routes; a program has few, but a pattern can be
// anything.
const maxRoutes = 1024

// maxRoute bounds http.route in bytes.
const maxRoute = 256

// routes remembers what patterns of ServeMux mean.
type routes struct {
	known map[routeKey]routed
}

type routeKey struct{ method, pattern string }

type routed struct {
	route string // http.route; "" if there is none
	name  string // of the span
}

// of gives the route and the span's name of a request with the method, as a span
// is named for, that matched the pattern.
func (r *routes) of(method string, pattern []byte) routed {
	if len(pattern) == 0 {
		return routed{}
	}
	if found, ok := r.known[routeKey{method, string(pattern)}]; ok {
		return found
	}
	if r.known == nil || len(r.known) >= maxRoutes {
		r.known = map[routeKey]routed{}
	}
	made := routed{route: httpspan.CleanText(route(pattern), maxRoute)}
	made.name = httpspan.Name(method, true, made.route)
	r.known[routeKey{method, string(pattern)}] = made
	return made
}

// route is the path of a pattern, "[METHOD ][HOST]/[PATH]".
func route(pattern []byte) []byte {
	if i := bytes.IndexAny(pattern, " \t"); i >= 0 {
		pattern = pattern[i+1:]
	}
	if i := bytes.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return nil
}
