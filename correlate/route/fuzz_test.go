package route

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/internal/secret"
)

// FuzzOf: a route has as many segments as its path, is the same when asked for again, and holds no secret.
func FuzzOf(f *testing.F) {
	for _, path := range []string{"/", "/users/42", "/a:b/c;d=e", "/2024-05-12T10", "/v1.2", "/{id}/*", "/x%40y.com/a@b.cd", "//a//", "/app.1f2e3d4c.js"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		table := New(Config{})
		r := table.Of(shop, path, 200)
		if r == nil {
			if strings.HasPrefix(path, "/") {
				t.Errorf("%q has no route", path)
			}
			return
		}
		if n := strings.Count(path, "/"); strings.Count(r.Text, "/") != min(n, maxDepth+1) {
			t.Errorf("%q is %q", path, r.Text)
		}
		if again := table.Of(shop, path, 200); again != r {
			t.Errorf("%q is %q, then %q", path, r.Text, again.Text)
		}
		if masked := secret.Mask(r.Text); masked != r.Text {
			t.Errorf("%q is %q, in which a secret is left", path, r.Text)
		}
	})
}
