package nethttp

import (
	"strings"
	"testing"
)

func TestAgrees(t *testing.T) {
	long := "/files/" + strings.Repeat("x", capturedPath)
	for _, c := range []struct {
		route, path string
		want        bool
	}{
		{"/", "/", true},
		{"/", "/users", false},
		{"/users", "/users", true},
		{"/users", "/users/", true},
		{"/users/", "/users", true},
		{"/users", "/user", false},
		{"/users", "/users/1", false},
		{"/users/:id", "/users/1", true},
		{"/users/:id", "/users/", true},
		{"/users/:id", "/users", false},
		{"/users/:id", "/users/1/books", false},
		{"/users/:id", "/api/users/1", false}, // a prefix was taken off
		{"/:id", "/api/1", false},
		{"/new/:id", "/old/1", false}, // rewritten
		{"/users/{id}/books/{book}", "/users/1/books/2", true},
		{"/users/{id}/books/{book}", "/users/1/shelf/2", false},
		{"/v{version}/x", "/v1/x", true},
		{"/v{version}/x", "/w1/x", false},
		{"/files/*path", "/files/a/b/c", true},
		{"/files/*", "/files", false},
		{"/files/*", "/other/a", false},
		{"/x/{a:[a-z/]+}/y", "/x/a/b/c/y", true},
		{"/x/{a:[a-z]+}", "/y/a", false},
		{"/a b/ü", "/a b/ü", true},
		{"users", "users", false},
		{"/users", "", false},
		{"", "/users", false},
		{"/files/:name", long[:capturedPath], true},
		{"/files/:name/meta", long[:capturedPath], true},
		{"/files/" + strings.Repeat("x", 2*capturedPath), long[:capturedPath], true},
		{"/file/:name", long[:capturedPath], false},
	} {
		if got := agrees(c.route, []byte(c.path), false); got != c.want {
			t.Errorf("%s for %s: %v", c.route, c.path, got)
		}
	}
	for path, want := range map[string]bool{"/s": true, "/s/": true, "/s/a/b": true, "/sub": true, "/t": false, "/": false} {
		if got := agrees("/s", []byte(path), true); got != want {
			t.Errorf("all below /s for %s: %v", path, got)
		}
	}
	if !agrees("/{tenant}/", []byte("/a/b/c"), true) || !agrees("/", []byte("/a/b"), true) {
		t.Error("an open route does not agree with what is below it")
	}
}

// TestRoutes: what a framework says goes before ServeMux's pattern, if it can be true.
func TestRoutes(t *testing.T) {
	var known routes
	for _, c := range []struct{ pattern, framework, path, want string }{
		{"", "", "/users/1", ""},
		{"GET example.com/users/{id}", "", "/users/1", "/users/{id}"},
		{"", "/users/:id", "/users/1", "/users/:id"},
		{"/", "/users/:id", "/users/1", "/users/:id"},
		{"/api/", "/users/:id", "/api/users/1", "/api/"},
		{"", "/users/:id", "/api/users/1", ""},
		{"", "/api/*\x00/users/{id}", "/api/users/1", "/api/users/{id}"},
		{"", "/api/*\x00/*\x00/users/*\x00/", "/api/users/", "/api/users"},
		{"", "/*\x00/", "/", "/"},
		{"", "/users/", "/users/", "/users/"},
		{"", "/s/\x00", "/s/a/b", "/s/"},
		{"", "/s/", "/s/a/b", ""},
		{"/s/", "/s/\x00", "/t", "/s/"},
	} {
		for range 2 { // the second time it is known
			got := known.of("GET", []byte(c.pattern), []byte(c.framework), []byte(c.path))
			name := "GET"
			if c.want != "" {
				name += " " + c.want
			} else {
				name = ""
			}
			if got.route != c.want || got.name != name {
				t.Errorf("%q, %q for %s: %q, %q, want %q, %q", c.pattern, c.framework, c.path, got.route, got.name, c.want, name)
			}
		}
	}
	if allocs := testing.AllocsPerRun(100, func() {
		known.of("GET", nil, []byte("/users/:id"), []byte("/users/1"))
	}); allocs > 0 {
		t.Errorf("%v allocations for a route that is known", allocs)
	}
}
