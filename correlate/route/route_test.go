package route

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shop = Key{Name: "shop"}

// of is the text of a path's route.
func of(t *Table, path string, status int) string {
	if r := t.Of(shop, path, status); r != nil {
		return r.Text
	}
	return ""
}

func TestShape(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/users": "/users", "/users/": "/users/", "/users/42": "/users/{id}", "/users/42/orders/7": "/users/{id}/orders/{id}", "//x": "//x",
		"/users/550e8400-e29b-41d4-a716-446655440000":      "/users/{uuid}",
		"/commit/356a192b7913b04c54574d18c28d46e6395428ab": "/commit/{hash}", "/c/1f3a9bc": "/c/{hash}", "/c/facade": "/c/facade",
		"/reports/2024-05-12": "/reports/{date}", "/reports/20240512": "/reports/{date}", "/reports/2024-05": "/reports/{date}", "/at/2024-05-12T10:00:00Z": "/at/{date}",
		"/reports/20241399": "/reports/{id}", "/users/jane@example.com": "/users/{email}", "/users/jane%40example.com/x": "/users/{email}/x",
		"/reset/8xLOxBtZp8QqnV4zW2sYd1Kc": "/reset/{token}", "/api/v1/x": "/api/v1/x", "/api/2/x": "/api/2/x", "/2.0/x": "/2.0/x", "/apis/v1beta2/x": "/apis/v1beta2/x",
		"/oauth2/token": "/oauth2/token", "/wiki/Albert_Einstein": "/wiki/{slug}", "/blog/how-to-build-a-house": "/blog/{slug}", "/terms-of-service": "/terms-of-service",
		"/docs:batchGet": "/docs:batchGet", "/docs/17:cancel": "/docs/{id}:cancel", "/docs/a:b:cancel": "/docs/a:b:cancel", "/wiki/Talk:Moon": "/wiki/{slug}",
		"/static/app.3f2a1b9c.js": "/static/{file}.js", "/img/a.png": "/img/{file}", "/favicon.ico": "/favicon.ico", "/w/index.php": "/w/index.php",
		"/pods/coredns-5d78c9869d-x2x9z": "/pods/{id}", "/jira/PROJ-17": "/jira/{id}", "/a;jsessionid=1/b": "/a/b", "/near/52.52,13.40": "/near/{id}",
		"/o/01ARZ3NDEKTSV4RRFFQ69G5FAV": "/o/{id}", "/" + strings.Repeat("a", 49): "/{slug}", "/m\xc3\xbcller": "/{slug}",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13/14": "/" + strings.Repeat("{id}/", 12) + "*",
		"*":                                 "", "": "",
	} {
		if got := of(New(Config{}), path, 200); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestStatus: whoever knocks at any path must not make routes.
func TestStatus(t *testing.T) {
	table := New(Config{})
	for _, status := range []int{0, 100, 400, 401, 403, 404, 405, 410, 429} {
		if got := of(table, "/wp-login.php", status); got != "" {
			t.Errorf("%d makes %s", status, got)
		}
	}
	if got := of(table, "/orders", 201); got != "/orders" {
		t.Error(got)
	}
	for status, want := range map[int]string{401: "/orders", 404: "", 503: "/orders", 302: "/orders", 500: "/orders"} {
		if got := of(table, "/orders", status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
	for i := range 100_000 {
		of(table, fmt.Sprintf("/x%c%d", 'a'+rune(i%26), i), 404)
	}
	if got := table.Samples()[0].Value; got != 1 {
		t.Errorf("%d routes", got)
	}
}

func TestLearn(t *testing.T) {
	table := New(Config{})
	names := strings.Fields("ann bob cat dan eve fay gus hal ida")
	for i, name := range names {
		want := "/users/" + name + "/profile"
		if i >= fewWords-1 { // me is one of them
			want = "/users/{slug}/profile"
		}
		if got := of(table, "/users/"+name+"/profile", 200); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		of(table, "/users/me", 200)
		of(table, "/users/7", 200)
	}
	for path, want := range map[string]string{
		"/users/ann/profile": "/users/{slug}/profile", "/users/me": "/users/me", "/users/7": "/users/{id}", "/users/x2x9z7": "/users/{slug}", "/users/zoe": "/users/{slug}",
	} {
		if got := of(table, path, 200); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	// Resources of an API are seen again and again, and stay.
	table = New(Config{})
	for range oftenSeen {
		for i := range manyWords {
			of(table, "/resource"+letters(i), 200)
		}
	}
	if got := of(table, "/another", 200); got != "/{slug}" {
		t.Error(got)
	}
	if got := of(table, "/resource"+letters(3), 200); got != "/resource"+letters(3) {
		t.Error(got)
	}
}

func letters(n int) string { return string([]byte{byte('a' + n/26%26), byte('a' + n%26)}) }

// TestMonotone: what a path maps to changes only by a word that becomes a placeholder.
func TestMonotone(t *testing.T) {
	for _, a := range apis() {
		table := New(Config{})
		last := map[string]string{}
		for _, q := range a.log(rand.New(rand.NewPCG(1, 2)), 4000) {
			got := of(table, q.path, 200)
			if before := last[q.path]; before != "" && !general(before, got) {
				t.Errorf("%s was %s and is %s", q.path, before, got)
			}
			last[q.path] = got
		}
	}
}

// general tells whether after is before, with placeholders in place of some segments.
func general(before, after string) bool {
	b, a := strings.Split(before, "/"), strings.Split(after, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && a[i] != slug {
			return false
		}
	}
	return true
}

// TestFile: after a restart, paths map to what they mapped to before.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes")
	for _, a := range apis() {
		os.Remove(file)
		table := New(Config{File: file})
		log := a.log(rand.New(rand.NewPCG(3, 4)), 3000)
		for _, q := range log {
			of(table, q.path, 200)
		}
		if err := table.Save(); err != nil {
			t.Fatal(err)
		}
		again := New(Config{File: file})
		if err := again.Load(); err != nil {
			t.Fatal(err)
		}
		for _, q := range log {
			if want, got := of(table, q.path, 200), of(again, q.path, 200); got != want {
				t.Errorf("%s: %s, before the restart %s", q.path, got, want)
			}
		}
	}
	if err := New(Config{File: filepath.Join(file, "absent", "x")}).Load(); err == nil {
		t.Error("a path that cannot be is no error")
	}
	if err := os.WriteFile(file, []byte("{}\nno\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(Config{File: file}).Load(); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
	if err := New(Config{File: filepath.Join(t.TempDir(), "x")}).Load(); err != nil {
		t.Error(err)
	}
}

// TestRandomPaths: a million paths of random words that all exist end in few routes and in bounded memory.
func TestRandomPaths(t *testing.T) {
	const paths = 1_000_000
	began := time.Now()
	r := rand.New(rand.NewPCG(5, 6))
	table := New(Config{PerService: 100})
	issued := map[string]bool{}
	before := heap()
	words := make([]string, 1<<16)
	for i := range words {
		words[i] = "/" + random("abcdefghijklmnopqrstuvwxyz", 1+r.IntN(12))(r)
		if i%8 == 0 {
			words[i] += random("-0_9.A", 1)(r)
		}
	}
	b := make([]byte, 0, 128)
	for range paths {
		b = b[:0]
		for bits := r.Uint64(); len(b) == 0 || bits&3 != 0; bits >>= 18 { // one to four words
			b = append(b, words[bits>>2&0xffff]...)
		}
		if route := of(table, string(b), 200); route != "" {
			issued[route] = true
		}
	}
	s := table.services[shop]
	grown := int64(heap()) - int64(before)
	t.Logf("%d paths in %v: %d routes at the end, %d different ones over time, %d nodes, %d KiB", paths, time.Since(began).Round(time.Millisecond), s.live, len(issued), s.nodes, grown>>10)
	routes, nodes := s.root.count()
	if routes != s.live || nodes != s.nodes || nodes != table.nodes {
		t.Errorf("%d routes and %d nodes, counted as %d and %d", routes, nodes, s.live, s.nodes)
	}
	if s.live > 100 || s.nodes > 100*nodesPerRoute || grown > 1<<20 {
		t.Errorf("not within bounds: %v", slices.Sorted(maps.Keys(issued)))
	}
	runtime.KeepAlive(table)
}

// TestBounds: routes and services beyond the bounds have none, and are counted.
func TestBounds(t *testing.T) {
	table := New(Config{PerService: 3, Total: 5, Services: 2})
	got := 0
	for service := range 3 {
		for i := range 4 {
			if table.Of(Key{Name: fmt.Sprint(service)}, "/"+letters(i), 200) != nil {
				got++
			}
		}
	}
	if figures := table.Samples(); got != 5 || figures[0].Value != 5 || figures[2].Value != 7 {
		t.Errorf("%d routes, %+v", got, figures)
	}
}

// TestBoundOfCalled: servers that are called leave room for services, and all have so many places together.
func TestBoundOfCalled(t *testing.T) {
	table := New(Config{PerService: 10, Total: 10, Services: 8})
	for i := range 100 {
		table.Of(Key{Made: true, Name: fmt.Sprint(i)}, "/"+strings.Repeat("x/", 11), 200)
	}
	if len(table.services) != 4 || table.Of(shop, "/a", 200) == nil {
		t.Errorf("%d services", len(table.services))
	}
	for i := range 100 {
		table.Of(shop, "/"+strings.Repeat(letters(i)+"/", 11), 200)
	}
	if table.nodes > 10*nodesPerRoute {
		t.Errorf("%d nodes", table.nodes)
	}
}

func (n *node) count() (routes, nodes int) {
	nodes = 1
	if n.route != nil {
		routes = 1
	}
	for _, follow := range []map[string]*node{n.words, n.shapes} {
		for _, next := range follow {
			r, m := next.count()
			routes, nodes = routes+r, nodes+m
		}
	}
	return routes, nodes
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestName(t *testing.T) {
	r := New(Config{}).Of(shop, "/users/42", 200)
	if r.Name("GET") != "GET /users/{id}" || r.Name("GET") != "GET /users/{id}" {
		t.Error(r.Name("GET"))
	}
	for i := range 2 * maxMethods {
		r.Name(fmt.Sprint(i))
	}
	if len(r.names) > maxMethods {
		t.Error(len(r.names))
	}
}

func BenchmarkOf(b *testing.B) {
	table := New(Config{})
	for _, path := range []string{"/api/v1/users/12345/orders", "/users/550e8400-e29b-41d4-a716-446655440000", "/pods/coredns-5d78c9869d-x2x9z/log"} {
		b.Run(strings.ReplaceAll(path[1:12], "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Of(shop, path, 200).Name("GET")
			}
		})
	}
}
