package e2e

import (
	_ "embed"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figured starts the agent so that its figures can be asked for.
func (r *rig) figured(env []string, procs ...*proc) (*agent, func(name string) int) {
	r.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
	args := []string{"-o", "json"}
	for _, p := range procs {
		args = append(args, "--pid", number(p.pid()))
	}
	a := r.startAgentIn(append([]string{"THROUGHLINE_METRICS_ADDR=" + address}, env...), "trace", args...)
	a.awaitAttached()
	return a, r.figuresAt(address)
}

// figuresAt asks an agent for its figures, by their name and labels.
func (r *rig) figuresAt(address string) func(name string) int {
	metrics := r.newAsker(address)
	return func(name string) int {
		r.Helper()
		text := metrics.get("/metrics").body
		found := regexp.MustCompile(`(?m)^throughline_` + regexp.QuoteMeta(name) + ` (\d+)$`).FindStringSubmatch(text)
		if found == nil {
			if strings.HasPrefix(name, "lost_total") {
				return 0
			}
			r.Fatalf("there is no figure %s in\n%s", name, text)
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			r.Fatal(err)
		}
		return n
	}
}

// flagged sends a trace context with this flag.
func flagged(flag string) how {
	return func(q *http.Request) {
		q.Header.Set("Traceparent", fmt.Sprintf("00-%016x%016x-%016x-%s", rand.Uint64()|1, rand.Uint64(), rand.Uint64()|1, flag))
	}
}

// binomial fails the test unless n trials of a probability give taken: within five standard deviations, which one run
// in a million exceeds.
func (r *rig) binomial(taken, n int, p float64) {
	r.Helper()
	if within := 5 * math.Sqrt(float64(n)*p*(1-p)); math.Abs(float64(taken)-float64(n)*p) > within {
		r.Errorf("%d of %d are sampled at %v: more than %.0f off", taken, n, p, within)
	}
}

// TestSamplingRatio: of some thousand requests through two services a quarter is sampled, each trace as a whole or not
// at all, and the first service tells the probability.
func TestSamplingRatio(t *testing.T) {
	const n = 1500
	for _, c := range []struct {
		first, second program
		call          string
	}{{pythonThreads, goNet, "/call"}, {goNet, pythonThreads, "/call"}, {goNet, goNet, "/callnet"}} {
		t.Run(c.first.name+c.call, func(t *testing.T) {
			r := newRig(t)
			second := c.second.start(r, "")
			first := c.first.start(r, second.address)
			agent, figure := r.figured([]string{"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25"}, first.proc, second.proc)
			ask := r.newAsker(first.address)
			for i := range n {
				if x := ask.get(fmt.Sprintf("%s/status/%d", c.call, 200+i%2)); x.status >= 300 {
					t.Fatalf("status %d", x.status)
				}
			}
			time.Sleep(300 * time.Millisecond)
			out := figure("sampled_out_total")
			traces := map[string][]span{}
			for _, s := range agent.stop() {
				traces[s.Trace] = append(traces[s.Trace], s)
			}
			r.binomial(len(traces), n, 0.25)
			for trace, spans := range traces {
				if len(spans) != 3 || trace[18:] < "c" {
					t.Fatalf("trace %s is not whole, or not of the sample:%s", trace, list(spans))
				}
				for _, s := range spans {
					if s.State != "ot=th:c" {
						t.Fatalf("tracestate %q of %s", s.State, s)
					}
				}
			}
			if want := 3 * (n - len(traces)); out != want {
				t.Errorf("%d requests were left out, and counted are %d", want, out)
			}
			if !lostNothing.MatchString(agent.said()) {
				t.Errorf("something is lost: %s", agent.lastLine())
			}
		})
	}
}

// TestCoreSamplingFlag: the flag of a request decides, in any order on kept connections, and goes on to whom is called.
func TestCoreSamplingFlag(t *testing.T) {
	for _, p := range []program{goSelf, httpServer, nginx, pythonThreads} {
		t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			down := r.newDownstream()
			s := p.start(r, down.address())
			agent, figure := r.figured(nil, s.proc)
			ask := r.newAsker(s.address)
			var sampled []asked
			left, path := 0, p.traits.ok
			for i := range 300 {
				kind := i * i % 7 % 3
				x := ask.get(path, []how{flagged("01"), flagged("00"), func(*http.Request) {}}[kind])
				if kind == 1 {
					left++
					continue
				}
				sampled = append(sampled, x)
			}
			ask.asked = sampled
			agent.await(len(sampled), ofKind(server))
			if got := figure("sampled_out_total"); got != left {
				t.Errorf("%d requests were left out, and counted are %d", left, got)
			}
			if p.traits.call != "" {
				ask.get(p.traits.call+"/unsampled", flagged("00"))
				ask.get(p.traits.call+"/sampled", flagged("01"))
				for marker, flag := range map[string]string{"/unsampled": "-00", "/sampled": "-01"} {
					a := down.arrivals(marker)
					if len(a) != 1 || len(a[0].parents) > 1 || len(a[0].parents) == 1 && !strings.HasSuffix(a[0].parents[0], flag) {
						t.Errorf("%s came with %v", marker, a)
					}
				}
				agent.await(1, ofPath(server, p.traits.call+"/sampled"))
			}
			spans := agent.stop()
			ask.asked = append(ask.asked[:0:0], sampled...)
			ask.compare(filter(spans, func(s span) bool { return s.Kind == server && s.path() == path }))
			for _, s := range spans {
				if strings.HasSuffix(s.path(), "/unsampled") {
					t.Errorf("not sampled, and reported: %s", s)
				}
			}
			if !lostNothing.MatchString(agent.said()) {
				t.Errorf("something is lost: %s", agent.lastLine())
			}
		})
	}
}

// TestCoreSamplingOff: nothing is exported, a request costs no event, and those that are made say that they are not
// sampled.
func TestCoreSamplingOff(t *testing.T) {
	for _, p := range []program{goSelf, nginx, pythonThreads} {
		for _, sampler := range []string{"always_off", "parentbased_always_off"} {
			t.Run(p.name+" "+sampler, func(t *testing.T) {
				r := newRig(t)
				down := r.newDownstream()
				s := p.start(r, down.address())
				agent, figure := r.figured([]string{"OTEL_TRACES_SAMPLER=" + sampler}, s.proc)
				ask := r.newAsker(s.address)
				const n = 200
				before := figure("events_total")
				for range n {
					ask.get(p.traits.ok)
				}
				// One connection: its beginning, a claim, and a goroutine's or thread's.
				if cost := figure("events_total") - before; cost > 4 {
					t.Errorf("%d requests cost %d events", n, cost)
				}
				if sampler == "always_off" {
					ask.get(p.traits.ok, traced)
				}
				ask.get(p.traits.call + "/made")
				if a := down.arrivals("/made"); len(a) != 1 || len(a[0].parents) == 1 && !strings.HasSuffix(a[0].parents[0], "-00") {
					t.Errorf("downstream saw %v", a)
				}
				if spans := agent.stop(); len(spans) > 0 {
					t.Errorf("%d spans:%s", len(spans), list(spans))
				}
				if !lostNothing.MatchString(agent.said()) {
					t.Errorf("something is lost: %s", agent.lastLine())
				}
			})
		}
	}
}

// TestSamplingKeep: of what is not sampled, errors and what is slow are kept, and say why.
func TestSamplingKeep(t *testing.T) {
	for _, p := range []program{goNet, pythonThreads} {
		t.Run(p.name, func(t *testing.T) {
			r := newRig(t)
			s := p.start(r, "")
			agent, figure := r.figured([]string{
				"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0",
				"THROUGHLINE_SAMPLING_KEEP_ERRORS=true", "THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN=40ms",
			}, s.proc)
			ask := r.newAsker(s.address)
			const n = 30
			for range n {
				ask.get(p.traits.ok)
				ask.get(p.traits.broken)
				ask.get(p.traits.slow)
				ask.get(p.traits.missing)
			}
			ask.get(p.traits.ok, flagged("01"))
			agent.await(2*n+1, ofKind(server))
			if out, kept := figure("spans_sampled_out_total"), figure("spans_kept_total"); out != 2*n || kept != 2*n {
				t.Errorf("%d spans left out, %d kept", out, kept)
			}
			for _, s := range agent.stop() {
				want := map[string]string{p.traits.broken: "error", p.traits.slow: "slow"}[s.path()]
				if got := s.Attributes["throughline.sampling.kept"]; got != want || s.State != "" || s.path() == p.traits.missing {
					t.Errorf("kept for %q, tracestate %q: %s", got, s.State, s)
				}
			}
			if !lostNothing.MatchString(agent.said()) {
				t.Errorf("something is lost: %s", agent.lastLine())
			}
		})
	}
}

// TestSamplingLimit: each of two services begins so many traces, and no more.
func TestSamplingLimit(t *testing.T) {
	r := newRig(t)
	const perSecond = 40
	services := []*service{goNet.start(r, ""), pythonThreads.start(r, "")}
	agent, _ := r.figured([]string{fmt.Sprintf("THROUGHLINE_SAMPLING_MAX_PER_SECOND=%d", perSecond)}, services[0].proc, services[1].proc)
	asks := []*asker{r.newAsker(services[0].address), r.newAsker(services[1].address)}
	began := time.Now()
	for time.Since(began) < 2*time.Second {
		for _, ask := range asks {
			for range 5 {
				ask.get("/ok")
			}
			ask.get("/ok", flagged("01")) // which nothing limits
		}
	}
	took := time.Since(began).Seconds()
	time.Sleep(300 * time.Millisecond)
	spans := agent.stop()
	for i, s := range services {
		own := filter(spans, func(x span) bool { return x.Resource["process.pid"] == number(s.pid()) })
		roots := filter(own, func(x span) bool { return x.Parent == "" })
		requests := len(asks[i].asked)
		least, most := perSecond*took+0.9*perSecond, perSecond*took+1.1*perSecond
		if float64(requests)*5/6 < 2*most {
			t.Fatalf("%d requests are too few to be limited", requests)
		}
		if n := float64(len(roots)); n < least || n > most {
			t.Errorf("%s began %d traces in %.1f s, want %.0f to %.0f", s.name, len(roots), took, least, most)
		}
		if called := len(own) - len(roots); called != requests/6 {
			t.Errorf("%s: %d spans of %d requests that came sampled", s.name, called, requests/6)
		}
	}
	if !lostNothing.MatchString(agent.said()) {
		t.Errorf("something is lost: %s", agent.lastLine())
	}
}

// flagging puts a trace context of its own into each head that a conversation says, with the flags in turn.
type flagging struct {
	flags  string // a digit a head, over and over
	heads  int
	limit  int
	traces map[string]bool // that are sampled
	left   int
}

func (m *flagging) put(text string) string {
	const end = "Host: {host}\r\n"
	var b strings.Builder
	for part := range strings.SplitAfterSeq(text, end) {
		b.WriteString(part)
		if !strings.HasSuffix(part, end) || m.heads == m.limit {
			continue
		}
		flag := m.flags[m.heads%len(m.flags)]
		m.heads++
		trace := fmt.Sprintf("%016x%016x", rand.Uint64()|1, rand.Uint64())
		if flag == '1' {
			m.traces[trace] = true
		} else {
			m.left++
		}
		fmt.Fprintf(&b, "traceparent: 00-%s-%016x-0%c\r\n", trace, rand.Uint64()|1, flag)
	}
	return b.String()
}

//go:embed testdata/relay.py
var relayPy string

// relayed starts a program that passes bytes on to a service: both sides of it are the socket source's.
func (r *rig) relayed() *service {
	r.Helper()
	up := goSelf.start(r, "")
	return r.service(command{args: []string{r.need(python), r.write("relay.py", relayPy), "{address}", up.address}}, "")
}

// TestSamplingConversations: in each way to use a connection each request is reported as its own flag says, and what is
// left out is no loss.
func TestSamplingConversations(t *testing.T) {
	for _, flags := range []string{"0", "1", "01", "10", "001", "110"} {
		t.Run(flags, func(t *testing.T) {
			r := newRig(t)
			s := r.relayed()
			agent, _ := r.figured(nil, s.proc)
			sampled, heads := map[string]string{}, 0
			for _, c := range conversations {
				m := &flagging{flags: flags, limit: len(c.spans), traces: map[string]bool{}}
				w := r.wire(s.address)
				w.put = m.put
				c.talk(w)
				w.Close()
				heads += m.heads
				for trace := range m.traces {
					sampled[trace] = c.name
				}
			}
			if heads < 25 {
				t.Fatalf("%d heads were given a context", heads)
			}
			agent.await(2*len(sampled), func(s span) bool { return sampled[s.Trace] != "" })
			kinds := map[string]int{}
			spans := agent.stop()
			for _, s := range spans {
				kinds[s.Trace] += s.Kind
			}
			for _, s := range spans {
				if s.Parent == "" && sampled[s.Trace] == "" {
					delete(kinds, s.Trace) // of a head without a context
				}
			}
			for trace, name := range sampled {
				if kinds[trace] != server+client {
					t.Errorf("%s: spans of kinds %d for one request", name, kinds[trace])
				}
				delete(kinds, trace)
			}
			if len(kinds) > 0 {
				t.Errorf("%d traces that are not sampled: %v", len(kinds), kinds)
			}
			if !lostHeaders.MatchString(agent.lastLine()) {
				t.Errorf("something is lost: %s", agent.lastLine())
			}
		})
	}
}

// lostHeaders takes a last line that tells of no losses but those that some conversations are, whoever samples: no
// header could be put in.
var lostHeaders = regexp.MustCompile(`lost: (none|[0-9,]+ (inject_\w+|missed_runs)(, [0-9,]+ (inject_\w+|missed_runs))*)$`)

// TestSamplingPipelinedBehind: requests that come in a read of their own while one is open that is left out cannot be
// told from it. The connection is given up, and counted, and no answer is taken for another's.
func TestSamplingPipelinedBehind(t *testing.T) {
	r := newRig(t)
	s := r.relayed()
	agent, figure := r.figured(nil, s.proc)
	m := &flagging{flags: "011", limit: -1, traces: map[string]bool{}}
	w := r.wire(s.address)
	w.put = m.put
	w.say("GET /slow/50" + host + "\r\n")
	time.Sleep(10 * time.Millisecond)
	w.say("GET /status/404" + host + "\r\n")
	w.hear("GET")
	w.hear("GET")
	w.ask("GET", "GET /ok"+host+"\r\n")
	w.Close()
	r.newAsker(s.address).get("/status/418", flagged("01"))
	agent.await(2, func(s span) bool { return s.path() == "/status/418" })
	lost := figure(`lost_total{reason="unsampled_pipeline"}`)
	if spans := agent.stop(); len(spans) != 2 {
		t.Errorf("%d spans:%s", len(spans), list(spans))
	}
	if lost != 2 {
		t.Errorf("%d connections are counted as given up, want the relay's two", lost)
	}
}

// TestSamplingStatements: what a library's probes report of a request is sampled as the request is.
func TestSamplingStatements(t *testing.T) {
	r := newRig(t)
	s := r.service(command{args: []string{r.framework("postgres"), "-listen", "{address}"}}, "")
	agent, figure := r.figured(nil, s.proc)
	ask := r.newAsker(s.address)
	const n = 20
	for range n {
		ask.get("/", flagged("01"))
		ask.get("/", flagged("00"))
	}
	agent.await(2*n, func(span) bool { return true })
	if out := figure("sampled_out_total"); out != 2*n {
		t.Errorf("%d requests and statements were left out, want %d", out, 2*n)
	}
	spans := agent.stop()
	if len(spans) != 2*n || len(filter(spans, ofKind(client))) != n {
		t.Errorf("%d spans:%s", len(spans), list(spans))
	}
}
