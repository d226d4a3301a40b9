package judge

import "testing"

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"url.path", "/direct/r17", "r17"},
		{"url.path", "/direct/r17.1.n2", "r17.1.n2"},
		{"url.path", "/truth.Service/r17.1", "r17.1"},
		{"url.path", "/-/idle", ""},
		{"url.path", "/direct/r", ""},
		{"url.path", "/direct/r1.", ""},
		{"url.path", "/direct/r1.x2", ""},
		{"url.path", "/direct/17", ""},
		{"url.path", "/direct/rn1", ""},
		{"url.path", "", ""},
		{"rpc.method", "r17.1", "r17.1"},
		{"rpc.method", "truth.Service/r17.1", "r17.1"},
		{"db.collection.name", "r17_1", "r17.1"},
		{"db.query.summary", "SELECT r17_1", "r17.1"},
		{"http.route", "/direct/r17", ""},
	} {
		id, ok := Identify(func(key string) string {
			if key == c.key {
				return c.value
			}
			return ""
		})
		if id != c.want || ok != (c.want != "") {
			t.Errorf("%s %q gives %q, %v", c.key, c.value, id, ok)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		id, caller, root string
		mark             byte
		depth            int
	}{
		{"r17", "", "r17", noMark, 0},
		{"r17.2", "r17", "r17", noMark, 1},
		{"r17.2.n3", "r17.2", "r17", markNone, 2},
		{"r17.f2.1", "r17.f2", "r17", noMark, 2},
	} {
		if caller(c.id) != c.caller || root(c.id) != c.root || mark(c.id) != c.mark || depth(c.id) != c.depth {
			t.Errorf("%s: caller %q, root %q, mark %q, depth %d", c.id, caller(c.id), root(c.id), mark(c.id), depth(c.id))
		}
	}
}
