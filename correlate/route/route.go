// Package route infers the routes of HTTP requests from their paths, for programs whose framework tells none.
//
// What a segment of a path looks like comes first (shape.go): ids, UUIDs, hashes, dates and the like have placeholders, always
// the same ones. Other segments are words. They are counted at the place where they stand; where there are too many different
// ones they are names of things, and become {slug} from then on, for good. So what a path maps to changes from a word
// to {slug} at most, never back, and what was learned can be kept in a file.
package route

import (
	"strings"
	"sync/atomic"

	"github.com/throughline/throughline/internal/telemetry"
)

// Config bounds what is kept. The zero value stands for Default.
type Config struct {
	// PerService is how many routes a service can have.
	PerService int
	// Total is how many routes all services have together.
	Total int
	// Services is how many services have routes. Of those that are only called it is half as many.
	Services int
	// File keeps what was learned over restarts; "": it is not kept.
	File string
}

// Default is enough for large APIs: GitHub's has 700 routes, most services have less than 50.
func Default() Config { return Config{PerService: 200, Total: 10_000, Services: 512} }

const (
	// nodesPerRoute bounds the memory of a service and of all: the words of routes and those that are counted, some 300 bytes each.
	nodesPerRoute = 8
	// maxDepth is how many segments of a path are looked at; the rest is one "*".
	maxDepth = 12
	// maxMethods bounds the names of spans that are kept for a route.
	maxMethods = 16
)

// A Key says whose paths are alike.
type Key struct {
	// Made is set of requests that are sent, and Name is then the server's; else it is the service's.
	Made bool
	Name string
}

// A Route is what paths have in common.
type Route struct {
	// Text begins with a slash; what varies is in braces.
	Text  string
	names map[string]string // of spans, by method
}

// Name is the name of a span, made once a method.
func (r *Route) Name(method string) string {
	if name, ok := r.names[method]; ok {
		return name
	}
	name := method + " " + r.Text
	if r.names == nil {
		r.names = map[string]string{}
	}
	if len(r.names) < maxMethods {
		r.names[method] = name
	}
	return name
}

// Table knows the routes of services. One goroutine uses it; Samples may be called from any.
type Table struct {
	config   Config
	services map[Key]*service
	made     int  // of services, those that are called
	live     int  // routes of all services
	nodes    int  // of all services
	changed  bool // since it was saved

	routes, full, learned atomic.Uint64
}

// New makes an empty table.
func New(c Config) *Table {
	d := Default()
	if c.PerService <= 0 {
		c.PerService = d.PerService
	}
	if c.Total <= 0 {
		c.Total = d.Total
	}
	if c.Services <= 0 {
		c.Services = d.Services
	}
	return &Table{config: c, services: map[Key]*service{}}
}

// service is what is known of the paths of one.
type service struct {
	root  *node
	nodes int
	live  int // routes
}

// node is a place in paths: what stands before it, and what comes next.
type node struct {
	parent *node
	key    string           // the segment before it, or its placeholder
	words  map[string]*node // that may follow
	shapes map[string]*node // placeholders that may follow
	varies bool             // words that follow are names of things
	hits   int              // paths that came here
	route  *Route           // of paths that end here; nil: none yet
}

// Of gives the route of a path, without query, that was answered with a status; nil if there is none. The status says whether the
// path can be believed to be one that the service knows.
func (t *Table) Of(key Key, path string, status int) *Route {
	known, learns := believed(status)
	if !known || path == "" || path[0] != '/' {
		return nil
	}
	s := t.services[key]
	if s == nil {
		if !learns {
			return nil
		}
		if s = t.begin(key); s == nil {
			t.full.Add(1)
			return nil
		}
	}
	w := walk{table: t, service: s, learns: learns}
	end := w.along(path)
	if end == nil {
		return nil
	}
	if end.route == nil {
		if !learns {
			return nil
		}
		if s.live >= t.config.PerService || t.live >= t.config.Total {
			t.full.Add(1)
			return nil
		}
		end.route = &Route{Text: end.text()}
		t.count(s, 1)
	}
	return end.route
}

// begin makes room for a service; nil if there is none.
func (t *Table) begin(key Key) *service {
	if len(t.services) >= t.config.Services || key.Made && t.made >= t.config.Services/2 {
		return nil
	}
	if key.Made {
		t.made++
	}
	s := &service{root: &node{}, nodes: 1}
	t.services[key] = s
	t.nodes++
	return s
}

func (t *Table) count(s *service, n int) {
	s.live += n
	t.live += n
	t.routes.Store(uint64(t.live))
}

// believed tells by the status whether a path has a route, and whether one can be learned from it. A 404 has none. Statuses by
// which servers turn away whoever knocks, at any path, teach nothing.
func believed(status int) (known, learns bool) {
	switch status {
	case 404, 410, 0:
		return false, false
	case 400, 401, 403, 405, 407, 414, 421, 426, 429, 431, 501, 503:
		return true, false
	}
	return status >= 200, status >= 200
}

// walk follows one path.
type walk struct {
	table   *Table
	service *service
	learns  bool
}

// along returns the node where the path ends; nil if it is not known and cannot be kept.
func (w *walk) along(path string) *node {
	n, rest, before := w.service.root, path[1:], ""
	for depth := 0; n != nil; depth++ {
		segment, behind, more := strings.Cut(rest, "/")
		if depth == maxDepth {
			return w.step(n, "*", thing)
		}
		if at := strings.IndexByte(segment, ';'); at >= 0 { // parameters (RFC 3986 section 3.3)
			segment = segment[:at]
		}
		key, is := shape(segment, before)
		n = w.step(n, key, is)
		if !more {
			return n
		}
		before, rest = segment, behind
	}
	return nil
}

// step goes to what follows n.
func (w *walk) step(n *node, key string, is look) *node {
	if is == maybe && n.varies {
		key = slug
	}
	if is == word {
		if next := n.words[key]; next != nil {
			next.hits++
			return next
		}
		if !n.varies || key == "" || reserved(key) {
			if w.learns && !n.varies && len(n.words) >= n.limit() {
				w.table.collapse(w.service, n)
				return w.step(n, key, is)
			}
			return w.add(n, &n.words, key)
		}
		key = slug
	}
	if next := n.shapes[key]; next != nil {
		next.hits++
		return next
	}
	return w.add(n, &n.shapes, key)
}

func (w *walk) add(n *node, to *map[string]*node, key string) *node {
	if !w.learns {
		return nil
	}
	if w.service.nodes >= w.table.config.PerService*nodesPerRoute || w.table.nodes >= w.table.config.Total*nodesPerRoute {
		w.table.full.Add(1)
		return nil
	}
	if *to == nil {
		*to = map[string]*node{}
	}
	w.service.nodes++
	w.table.nodes++
	next := &node{parent: n, key: strings.Clone(key), hits: 1}
	(*to)[next.key] = next
	return next
}

// text is the route of paths that end at n.
func (n *node) text() string {
	var keys []string
	for ; n.parent != nil; n = n.parent {
		keys = append(keys, n.key)
	}
	var b strings.Builder
	for i := len(keys) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(keys[i])
	}
	return b.String()
}

// Samples are the figures of the table; it is a telemetry.Source.
func (t *Table) Samples() []telemetry.Sample {
	return []telemetry.Sample{
		{Name: "routes", Kind: telemetry.Level, Help: "Routes inferred from paths.", Value: t.routes.Load()},
		{Name: "routes_learned", Help: "Places in paths where words turned out to be names of things.", Value: t.learned.Load()},
		{Name: "routes_full", Help: "Requests without a route, as their service has too many.", Value: t.full.Load()},
	}
}
