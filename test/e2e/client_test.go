package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sort"
	"strings"
	"time"
)

// An asker is a client of a traced server. It notes what it asked, so that the
// agent's spans can be compared with it.
type asker struct {
	rig    *rig
	base   string // http://host:port
	client http.Client
	asked  []asked
}

// asked is one exchange as its client saw it.
type asked struct {
	method, path string
	status       int
	port         string // of the server
	peer         string // the client's address and port
	trace, span  string // of the traceparent that was sent, if one was
	took         time.Duration
	body         string
}

// how changes a request before it is sent.
type how func(*http.Request)

// newAsker makes a client that keeps connections. Address is host:port, or the
// path of a Unix socket.
func (r *rig) newAsker(address string) *asker {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
	a := &asker{rig: r, base: "http://" + address}
	if strings.HasPrefix(address, "/") {
		a.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		}
	}
	a.client = http.Client{Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.Cleanup(transport.CloseIdleConnections)
	return a
}

// fresh asks on a connection of the request's own.
func fresh(q *http.Request) { q.Close = true }

// traced sends a trace context, in one of the ways to write the field's name.
func traced(q *http.Request) {
	name := []string{"traceparent", "Traceparent", "TRACEPARENT"}[rand.IntN(3)]
	q.Header[name] = []string{fmt.Sprintf("00-%016x%016x-%016x-01", rand.Uint64()|1, rand.Uint64(), rand.Uint64()|1)}
}

func method(m string) how { return func(q *http.Request) { q.Method = m } }

func body(text string) how {
	return func(q *http.Request) {
		q.Method = http.MethodPost
		q.Body = io.NopCloser(strings.NewReader(text))
		q.ContentLength = int64(len(text))
	}
}

// get asks and notes. A request that fails, fails the test.
func (a *asker) get(path string, hows ...how) asked {
	a.rig.Helper()
	x, err := a.ask(path, hows...)
	if err != nil {
		a.rig.Fatalf("asking for %s: %v", path, err)
	}
	return x
}

func (a *asker) ask(path string, hows ...how) (asked, error) {
	q, err := http.NewRequest(http.MethodGet, a.base+path, nil)
	if err != nil {
		return asked{}, err
	}
	for _, h := range hows {
		h(q)
	}
	x := asked{method: q.Method, path: q.URL.Path, port: portOf(q.URL)}
	for name, values := range q.Header {
		if strings.EqualFold(name, "traceparent") {
			parts := strings.Split(values[0], "-")
			x.trace, x.span = parts[1], parts[2]
		}
	}
	q = q.WithContext(httptrace.WithClientTrace(q.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { x.peer = c.Conn.LocalAddr().String() },
	}))
	began := time.Now()
	response, err := a.client.Do(q)
	if err != nil {
		return x, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	x.took, x.status, x.body = time.Since(began), response.StatusCode, string(text)
	a.asked = append(a.asked, x)
	return x, err
}

func portOf(u *url.URL) string {
	if u.Port() == "" {
		return "80"
	}
	return u.Port()
}

// key says what must be the same of an exchange on both sides.
func (x asked) key(unix bool) string {
	if unix {
		return fmt.Sprintf("%s %s %d parent %s-%s", x.method, x.path, x.status, x.trace, x.span)
	}
	return fmt.Sprintf("%s %s %d port %s peer %s parent %s-%s", x.method, x.path, x.status, x.port, x.peer, x.trace, x.span)
}

func (s span) key(unix bool) string {
	trace := s.Trace
	if s.Parent == "" {
		trace = ""
	}
	if unix {
		return fmt.Sprintf("%s %s %s parent %s-%s", s.method(), s.path(), s.code(), trace, s.Parent)
	}
	peer := net.JoinHostPort(s.Attributes["client.address"], s.Attributes["client.port"])
	if network := net.JoinHostPort(s.Attributes["network.peer.address"], s.Attributes["network.peer.port"]); network != peer {
		peer += " but of the network " + network
	}
	return fmt.Sprintf("%s %s %s port %s peer %s parent %s-%s", s.method(), s.path(), s.code(), s.Attributes["server.port"], peer, trace, s.Parent)
}

// compare fails the test unless the spans are those of what was asked, each
// exactly once.
func (a *asker) compare(spans []span) {
	a.rig.Helper()
	unix := a.base == "http://localhost"
	count := map[string]int{}
	for _, x := range a.asked {
		count[x.key(unix)]++
	}
	seen := map[string]bool{}
	for _, s := range spans {
		count[s.key(unix)]--
		if id := s.Trace + s.ID; seen[id] {
			a.rig.Errorf("two spans have one id: %s", s)
		} else {
			seen[id] = true
		}
	}
	var wrong []string
	for key, n := range count {
		switch {
		case n > 0:
			wrong = append(wrong, fmt.Sprintf("%d without span: %s", n, key))
		case n < 0:
			wrong = append(wrong, fmt.Sprintf("%d spans more than requests: %s", -n, key))
		}
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		a.rig.Errorf("%d requests, %d spans; %d kinds differ:\n  %s", len(a.asked), len(spans), len(wrong),
			strings.Join(wrong[:min(len(wrong), 12)], "\n  "))
	}
}

// durations fails the test unless the spans of a path last as long as the
// service sleeps: within 20 % or 2 ms, or what the clients measured when the
// machine itself was late.
func (a *asker) durations(spans []span, path string, delay time.Duration) {
	a.rig.Helper()
	var saw, took []time.Duration
	for _, s := range filter(spans, ofPath(server, path)) {
		saw = append(saw, s.duration())
	}
	for _, x := range a.asked {
		if x.path == path {
			took = append(took, x.took)
		}
	}
	if len(saw) == 0 || len(took) == 0 {
		a.rig.Errorf("no spans of %s", path)
		return
	}
	tolerance := max(delay/5, 2*time.Millisecond)
	limit := max(delay+tolerance, median(took))
	if m := median(saw); m < delay-tolerance/10 || m > limit {
		a.rig.Errorf("%s sleeps %s, its spans last %s (median of %d, all %v); clients waited %s", path, delay, m, len(saw), saw, median(took))
	}
	longest := took[len(took)-1]
	if d := saw[len(saw)-1]; d > longest+2*time.Millisecond {
		a.rig.Errorf("a span of %s lasts %s, and no client waited longer than %s", path, d, longest)
	}
}

// median sorts.
func median(d []time.Duration) time.Duration {
	sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
	return d[len(d)/2]
}
