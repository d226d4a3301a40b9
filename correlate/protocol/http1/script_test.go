package http1

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

// A script is a conversation in wire form and the exchanges that it is. Lines:
//
//	R "..."   the client's bytes, one call; the kernel sees that a request begins
//	> "..."   more of the client's bytes
//	< "..."   the server's bytes
//	> +N      N bytes that are only counted; < +N likewise
//	end       the server closes; reset: the network does; exit: the process
//	wait MS   time passes
//	= ...     an exchange as render writes it; =server, =client: seen there
type script struct {
	name  string
	steps []step
	want  [2][]string // seen by the server, by the client
}

type step struct {
	verb  string
	data  string
	count int
}

func loadScripts(t testing.TB) []script {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all []script
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parseScript(t, strings.TrimSuffix(filepath.Base(f), ".txt"), string(b)))
	}
	return all
}

func parseScript(t testing.TB, name, text string) script {
	s := script{name: name}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		verb, rest, _ := strings.Cut(line, " ")
		st := step{verb: verb}
		switch verb {
		case "#", "":
			continue
		case "=":
			s.want[0], s.want[1] = append(s.want[0], rest), append(s.want[1], rest)
			continue
		case "=server":
			s.want[0] = append(s.want[0], rest)
			continue
		case "=client":
			s.want[1] = append(s.want[1], rest)
			continue
		case "end", "reset", "exit":
		case "wait":
			st.count, _ = strconv.Atoi(rest)
		default:
			var err error
			if strings.HasPrefix(rest, "+") {
				st.count, err = strconv.Atoi(rest[1:])
			} else {
				st.data, err = strconv.Unquote(rest)
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", name, line, err)
			}
		}
		s.steps = append(s.steps, st)
	}
	return s
}

// play runs the script as one end sees it.
func (s *script) play(k *kernel, asServer bool) {
	requests, responses := abi.DirectionReceived, abi.DirectionSent
	if !asServer {
		requests, responses = responses, requests
	}
	k.open(true, !asServer)
	for _, st := range s.steps {
		d := requests
		if st.verb == "<" {
			d = responses
		}
		switch {
		case st.verb == "R":
			k.request(d, st.data)
		case st.verb == "end" && asServer:
			k.close(abi.CloseLocal, 0)
		case st.verb == "end":
			k.eof()
			k.close(abi.CloseRemote, 0)
		case st.verb == "reset":
			k.close(abi.CloseReset, 104)
		case st.verb == "exit":
			k.exit()
		case st.verb == "wait":
			k.wait(st.count)
		case st.count > 0:
			k.count(d, st.count)
		default:
			k.bytes(d, st.data)
		}
	}
}

// split cuts the bytes of every call into pieces; next tells the length of the
// next one.
func (s *script) split(next func(left int) int) script {
	out := script{name: s.name, want: s.want}
	for _, st := range s.steps {
		for len(st.data) > 0 {
			n := min(max(1, next(len(st.data))), len(st.data))
			out.steps = append(out.steps, step{verb: st.verb, data: st.data[:n]})
			st.data = st.data[n:]
			if st.verb == "R" {
				st.verb = ">"
			}
			if len(st.data) == 0 {
				st.verb = ""
			}
		}
		if st.verb != "" {
			out.steps = append(out.steps, st)
		}
	}
	return out
}

func (s *script) size() int {
	n := 0
	for _, st := range s.steps {
		n += len(st.data)
	}
	return n
}

// render writes an exchange as scripts do and checks what all have in common.
func render(t testing.TB, x *flow.Exchange) string {
	t.Helper()
	at := map[attribute.Key]string{}
	for _, kv := range x.Attributes {
		if _, twice := at[kv.Key]; twice {
			t.Errorf("attribute %s given twice", kv.Key)
		}
		at[kv.Key] = kv.Value.Emit()
	}
	if x.End < x.Start || x.Start == 0 {
		t.Errorf("from %d to %d", x.Start, x.End)
	}
	var b strings.Builder
	method := at["http.request.method"]
	if o := at["http.request.method_original"]; o != "" {
		method += "(" + o + ")"
	}
	orDash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	fmt.Fprintf(&b, "%s %s %s", method, orDash(at["url.path"]), orDash(at["http.response.status_code"]))
	add := func(name string, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
	}
	add("error", at["error.type"])
	if (at["error.type"] != "") != (x.Status == codes.Error) {
		t.Errorf("error.type %q with status %v", at["error.type"], x.Status)
	}
	add("server", at["server.address"]+":"+at["server.port"])
	add("version", at["network.protocol.version"])
	add("request", at["http.request.body.size"])
	add("response", at["http.response.body.size"])
	if x.Name != method {
		add("name", x.Name)
	}
	if x.Context.SpanId == [8]uint8{} {
		add("span", "0")
	}
	if x.Remote != nil {
		add("remote", fmt.Sprintf("%s:%x-%x", x.Remote.Format, x.Remote.TraceID, x.Remote.SpanID))
	}
	add("tracestate", x.Tracestate)
	if x.Kind == trace.SpanKindClient {
		add("full", at["url.full"])
	} else if at["url.full"] != "" {
		t.Errorf("url.full on a server span")
	}
	return b.String()
}

func (s *script) check(t testing.TB, k *kernel, asServer bool, how string) {
	t.Helper()
	want, end := s.want[0], "server"
	if !asServer {
		want, end = s.want[1], "client"
	}
	var got []string
	for _, x := range k.found {
		got = append(got, render(t, x))
		if (x.Kind == trace.SpanKindServer) != asServer {
			t.Errorf("%s, %s: kind %v", end, how, x.Kind)
		}
	}
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = strings.ReplaceAll(want[i], "server=TUPLE", map[bool]string{true: "server=10.0.0.1:8080", false: "server=10.0.0.2:8080"}[asServer])
			if !strings.Contains(w, " full=") {
				g, _, _ = strings.Cut(g, " full=")
			}
		}
		if g != w {
			t.Errorf("%s, %s:\n got %s\nwant %s", end, how, g, w)
		}
	}
	if t.Failed() {
		t.Logf("%+v", k.a.Stats())
	}
	k.settled()
}
