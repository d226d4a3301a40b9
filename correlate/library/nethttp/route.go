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

// routes remembers what patterns of ServeMux, and routes of frameworks, mean.
type routes struct {
	known map[routeKey]routed
}

// A routeKey is a method and a pattern, or a framework's route.
type routeKey struct {
	method, text string
	framework    bool
}

type routed struct {
	route string // http.route; "" if there is none
	name  string // of the span
	open  bool   // paths may be longer: a framework's route for all below it
}

// of gives the route and the span's name of a request for a path with the method,
// as a span is named for. A framework's route says more than the pattern by which
// ServeMux chose the framework, unless it is not about the whole path.
func (r *routes) of(method string, pattern, framework, path []byte) routed {
	if len(framework) > 0 {
		if found := r.meaning(routeKey{method: method, framework: true}, framework); agrees(found.route, path, found.open) {
			return found
		}
	}
	if len(pattern) == 0 {
		return routed{}
	}
	return r.meaning(routeKey{method: method}, pattern)
}

// meaning completes the key with the text.
func (r *routes) meaning(key routeKey, text []byte) routed {
	if found, ok := r.known[routeKey{key.method, string(text), key.framework}]; ok {
		return found
	}
	if r.known == nil || len(r.known) >= maxRoutes {
		r.known = map[routeKey]routed{}
	}
	var made routed
	if key.framework {
		parts, open := bytes.CutSuffix(text, []byte{0})
		made = routed{route: httpspan.CleanText(joined(parts), maxRoute), open: open}
	} else {
		made = routed{route: httpspan.CleanText(route(text), maxRoute)}
	}
	made.name = httpspan.Name(key.method, true, made.route)
	key.text = string(text)
	r.known[key] = made
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
