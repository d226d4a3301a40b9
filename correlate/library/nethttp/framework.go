package nethttp

import (
	"bytes"
	"strings"
)

// joined makes one route of the parts that routers one below the other have found,
// with zero bytes between them: "/users/*" and "/{id}". It is what chi v5.5 says
// ((*Context).RoutePattern in context.go).
func joined(parts []byte) []byte {
	if bytes.IndexByte(parts, 0) < 0 {
		return parts
	}
	route := bytes.ReplaceAll(parts, []byte{0}, nil)
	for bytes.Contains(route, []byte("/*/")) {
		route = bytes.ReplaceAll(route, []byte("/*/"), []byte("/"))
	}
	if len(route) > 1 {
		route = bytes.TrimSuffix(bytes.TrimSuffix(route, []byte("//")), []byte("/"))
	}
	return route
}

// capturedPath is how many bytes of a path the kernel takes (PATH_MAX in
// bpf/go_call.h).
const capturedPath = 256

// agrees tells whether a route can be that of a request for the path, or of all below
// a path if it is open. It cannot if a part of the path was taken off, or all of it
// rewritten, before the framework saw it: then it is no route of what was asked for.
func agrees(route string, path []byte, open bool) bool {
	if !strings.HasPrefix(route, "/") || !bytes.HasPrefix(path, []byte("/")) {
		return false
	}
	cut := len(path) >= capturedPath
	for route, path = route[1:], path[1:]; ; {
		segment, routeLeft, routeGoesOn := strings.Cut(route, "/")
		one, pathLeft, pathGoesOn := bytes.Cut(path, []byte("/"))
		if strings.Contains(segment, "*") || strings.Contains(segment, "{") && strings.Contains(segment, ":") {
			return true // any number of segments, or an expression
		}
		fixed := strings.IndexAny(segment, ":{")
		switch {
		case cut && !pathGoesOn:
			return fixed >= 0 || begins(one, segment[:min(len(segment), len(one))])
		case fixed >= 0 && !begins(one, segment[:fixed]):
			return false
		case fixed < 0 && string(one) != segment && !(open && !routeGoesOn && begins(one, segment)):
			return false
		case !routeGoesOn:
			return open || len(pathLeft) == 0
		case !pathGoesOn:
			return routeLeft == ""
		}
		route, path = routeLeft, pathLeft
	}
}

// begins is bytes.HasPrefix, and makes no copy of what.
func begins(text []byte, what string) bool {
	return len(text) >= len(what) && string(text[:len(what)]) == what
}
