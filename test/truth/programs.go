package main

import (
	"fmt"
	"strings"

	"github.com/throughline/throughline/test/truth/judge"
)

// A program is one way to handle requests (test/truth/service has the code),
// with the tree that one of its requests makes.
type program struct {
	name   string
	about  string
	middle bool   // there is a service between front and leaf
	secure string // TLS with http1 or http2
	needs  string // what the agent must read for all of its spans, beside HTTP/1
	calls  []call
}

// A call is one that a request makes, in the order in which the ids count.
type call struct {
	id    string // behind the request's: "1", "1.n2"
	query bool   // asks a database: there is no SERVER span
}

// calls makes the calls of ids that are requests.
func calls(ids ...string) []call {
	var all []call
	for _, id := range ids {
		all = append(all, call{id: id})
	}
	return all
}

// programs are all there are.
func programs() []program {
	return []program{
		{name: "direct", calls: calls("1"), about: "the handler calls"},
		{name: "chain", calls: calls("1", "1.1"), middle: true, about: "three services"},
		{name: "fan-out", calls: calls("1", "2", "3", "4"), about: "four goroutines call at once, as with errgroup"},
		{name: "tree", calls: calls("1", "2", "3", "4"), about: "goroutines four deep, contexts derived at each level"},
		{name: "spawn-blind", calls: calls("m1", "m2", "m3"), about: "the handler's goroutines call with context.Background()"},
		{name: "without-cancel", calls: calls("1"), about: "a goroutine calls with context.WithoutCancel"},
		{name: "detached", calls: calls("m1"), about: "a goroutine calls after the request was answered"},
		{name: "pool", calls: calls("1", "2"), about: "long-lived workers get the context over a channel"},
		{name: "pool-lazy", calls: calls("1", "2"), about: "the same, handlers started the workers"},
		{name: "pool-blind", calls: calls("n1", "n2"), about: "long-lived workers get no context"},
		{name: "pool-blind-lazy", calls: calls("n1", "n2"), about: "the same, handlers started the workers"},
		{name: "pipeline", calls: calls("1", "2"), about: "three stages over channels that carry the context"},
		{name: "pooled", calls: calls("1", "2"), about: "all requests share four connections"},
		{name: "retry", calls: calls("1", "2"), about: "the first attempt gets 503"},
		{name: "timeout", calls: calls("1"), about: "http.TimeoutHandler"},
		{name: "proxy", calls: calls("f1", "f1.1"), middle: true, about: "httputil.ReverseProxy in front"},
		{name: "redirect", calls: calls("1", "2", "3"), about: "the client follows two redirects"},
		{name: "https", calls: calls("1"), secure: "http1", needs: "tls", about: "HTTP/1.1 over TLS"},
		{name: "http2", calls: calls("1", "2", "3", "4"), secure: "http2", needs: "tls,http2", about: "many streams on a connection"},
		{name: "http2-chain", calls: calls("1", "1.1", "1.2", "1.3", "1.4"), middle: true, secure: "http2", needs: "tls,http2", about: "the same through three services"},
		{name: "grpc", calls: calls("1", "1.1", "1.2"), middle: true, needs: "grpc", about: "HTTP, then gRPC through two services"},
		{name: "sql", calls: []call{{id: "1", query: true}, {id: "2"}}, needs: "sql", about: "database/sql, then a call"},
	}
}

func find(name string) (program, error) {
	var names []string
	for _, p := range programs() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return program{}, fmt.Errorf("no program is called %q: use some of %s", name, strings.Join(names, ", "))
}

// expect returns the spans of the request with an id, its own first.
func (p program) expect(id string) []judge.Key {
	keys := []judge.Key{{ID: id, Side: judge.Server}}
	for _, c := range p.calls {
		keys = append(keys, judge.Key{ID: id + "." + c.id, Side: judge.Client})
		if !c.query {
			keys = append(keys, judge.Key{ID: id + "." + c.id, Side: judge.Server})
		}
	}
	return keys
}
