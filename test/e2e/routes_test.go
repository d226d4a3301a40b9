package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// routers are the programs of ./frameworks whose routes are known, and how each
// writes them. Keys are parameters and the rest of a path as ServeMux would.
var routers = []struct {
	name  string
	write *strings.Replacer
}{
	{"gin", strings.NewReplacer("{id}", ":id", "{book}", ":book", "{item}", ":item", "{rest...}", "*path")},
	{"echo", strings.NewReplacer("{id}", ":id", "{book}", ":book", "{item}", ":item", "{rest...}", "*")},
	{"chi", strings.NewReplacer("{book}", "{book:[a-z0-9]+}", "{rest...}", "*")},
	{"mux", strings.NewReplacer("{book}", "{book:[a-z0-9]+}", "{rest...}", "")},
}

// routed are paths, with # for a number, and their routes; "" is none.
var routed = []struct{ method, path, route string }{
	{"GET", "/", "/"},
	{"GET", "/about", "/about"},
	{"GET", "/users/#", "/users/{id}"},
	{"POST", "/users/#", "/users/{id}"},
	{"GET", "/users/#/books/b#", "/users/{id}/books/{book}"},
	{"GET", "/files/#/a/b.txt", "/files/{rest...}"},
	{"GET", "/api/v1/items/#", "/api/v1/items/{item}"},
	{"GET", "/api/v1/slow/#", "/api/v1/slow/{id}"},
	{"GET", "/nothing/#", ""},
	{"GET", "/users", ""},
}

var digits = regexp.MustCompile(`\d+`)

// routeOf gives the route of a path that routed has.
func routeOf(method, path string) string {
	path = digits.ReplaceAllString(strings.Replace(path, "/v1/", "/v/", 1), "#")
	for _, c := range routed {
		if c.method == method && strings.Replace(c.path, "/v1/", "/v/", 1) == path {
			return c.route
		}
	}
	return "no path that was asked for"
}

// TestRoutes: the route that a framework found is http.route and in the span's name,
// also for one of many requests at once; what no route matches has none.
func TestRoutes(t *testing.T) {
	for _, f := range routers {
		t.Run(f.name, func(t *testing.T) {
			for _, how := range []string{"", "-wrapped"} {
				t.Run("storm"+how, func(t *testing.T) { checkStorm(t, f.name, how, f.write) })
			}
			t.Run("stripped", func(t *testing.T) { checkStripped(t, f.name) })
		})
	}
}

// late is how many requests of a storm may have no route: their framework was at
// another request before they ended.
const late = 4

// checkStorm asks with 64 clients at once for all that there is.
func checkStorm(t *testing.T, name, how string, write *strings.Replacer) {
	const clients, each = 64, 60
	r := newRig(t)
	agent, s := r.router(name, how)
	askers := make([]*asker, clients)
	var wait sync.WaitGroup
	for i := range askers {
		askers[i] = r.newAsker(s.address)
		wait.Go(func() {
			for range each {
				c := routed[rand.IntN(len(routed))]
				path := strings.ReplaceAll(c.path, "#", number(rand.IntN(1e9)))
				x, err := askers[i].ask(path, method(c.method))
				if want := write.Replace(c.route); err == nil && want != "" && x.body != want {
					err = fmt.Errorf("answered %d, %q", x.status, x.body)
				}
				if err != nil {
					t.Errorf("%s %s: %v", c.method, path, err)
				}
			}
		})
	}
	wait.Wait()
	agent.await(clients*each, ofKind(server))
	spans := agent.stop()
	all := &asker{rig: r}
	for _, a := range askers {
		all.asked = append(all.asked, a.asked...)
	}
	all.compare(spans)
	wrong, missing := 0, 0
	for _, s := range spans {
		want, got := write.Replace(routeOf(s.method(), s.path())), s.Attributes["http.route"]
		switch {
		case got == want && s.Name == strings.TrimSpace(s.method()+" "+want):
			continue
		case got == "":
			missing++
		default:
			wrong++
		}
		if wrong+missing < 10 {
			t.Logf("%s is named %q, its route is %q, not %q", s, s.Name, got, want)
		}
	}
	if wrong > 0 || missing > late {
		t.Errorf("of %d routes %d are wrong and %d missing", len(spans), wrong, missing)
	}
}

// checkStripped: behind a ServeMux that takes off a prefix the framework's route is not
// the request's: ServeMux's pattern is.
func checkStripped(t *testing.T, name string) {
	r := newRig(t)
	agent, s := r.router(name, "-strip=/shop")
	ask := r.newAsker(s.address)
	for _, path := range []string{"/shop/users/1", "/shop/about", "/shop/api/v1/items/2", "/shop/nothing"} {
		ask.get(path)
	}
	agent.await(len(ask.asked), ofKind(server))
	for _, s := range agent.stop() {
		if got := s.Attributes["http.route"]; got != "/shop/" {
			t.Errorf("%s: route %q", s, got)
		}
	}
}

// router starts one of the frameworks' programs, traced.
func (r *rig) router(name, how string) (*agent, *service) {
	r.Helper()
	args := []string{r.framework(name), "-listen", "{address}"}
	if how != "" {
		args = append(args, how)
	}
	s := r.service(command{args: args}, "")
	// Frameworks' routes alone: where there is none, none is inferred.
	agent := r.startAgentIn([]string{"THROUGHLINE_ROUTES=off"}, "trace", "-o", "json", "--pid", number(s.proc.pid()))
	agent.awaitAttached()
	return agent, s
}

// TestRoutesRefused: what frameworks do beside matching a route.
func TestRoutesRefused(t *testing.T) {
	for name, want := range map[string]map[string]string{
		// A context that was handed back to gin is about another path.
		"gin": {"DELETE /users/1": "", "GET /moved/7": "", "GET /about/": ""},
		// Of a method that the route does not have echo still says the route.
		"echo": {"DELETE /users/1": "/users/:id", "GET /about/": ""},
		// A sub-router was chosen, and found nothing.
		"chi": {"DELETE /users/1": "", "GET /api/v1/nothing": "/api/v1/*", "HEAD /about": "/about", "GET /about/": ""},
		"mux": {"DELETE /users/1": "", "GET /files/": "/files/", "GET /api/v1/nothing": "", "GET /about/": ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			agent, s := r.router(name, "")
			ask := r.newAsker(s.address)
			for what := range want {
				verb, path, _ := strings.Cut(what, " ")
				ask.get(path, method(verb))
			}
			if name == "mux" { // a route by host alone
				ask.get("/by/host", func(q *http.Request) { q.Host = "shop.example" })
			}
			agent.await(len(ask.asked), ofKind(server))
			for _, s := range agent.stop() {
				if got, expected := s.Attributes["http.route"], want[s.method()+" "+s.path()]; got != expected {
					t.Errorf("%s: route %q, want %q", s, got, expected)
				}
			}
		})
	}
}
