package e2e

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed testdata/mixed.py
var mixedPy string

//go:embed testdata/mixed.js
var mixedJS string

//go:embed testdata/Mixed.java
var mixedJava string

// A question is a request of which both sides know every byte, from its number.
type question struct {
	Number  int
	Method  string
	Path    string
	Body    int // bytes
	Answer  int // bytes
	Chunked bool
	Expect  bool // 100-continue
}

// questions are of all kinds in turn. The second half has those behind which it is
// uncertain where the next request begins, so that such a connection gets no more
// headers.
func questions(n int) []question {
	var all []question
	for i := range n {
		q := question{Number: i, Method: "GET", Answer: i % 700}
		switch i % 8 {
		case 1:
			q.Method, q.Body = "POST", 1+i%3000
		case 2:
			q.Method, q.Body, q.Chunked = "POST", 1+i*37%9000, i > n/2
		case 3:
			q.Method, q.Body, q.Expect = "PUT", 1+i%3000, i > n/2
		case 4:
			q.Method = "HEAD"
		case 5:
			q.Method, q.Body = "POST", 64<<10
		case 6:
			q.Answer = 64 << 10
		case 7:
			q.Method = "DELETE"
		}
		q.Path = fmt.Sprintf("/%d/%d/%d", i, q.Body, q.Answer)
		all = append(all, q)
	}
	return all
}

// run of letters that begin with first, as the number shifts it.
func letters(first byte, number, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = first + byte((number+i)%26)
	}
	return text
}

// A judge serves the questions and notes what is wrong with them.
type judge struct {
	address string

	mu      sync.Mutex
	asked   map[int]int // times, by number
	headers int
	wrong   []string
}

func (r *rig) judge() *judge {
	r.Helper()
	j := &judge{asked: map[int]int{}}
	l := r.listen()
	j.address = l.Addr().String()
	s := &http.Server{Handler: j}
	var wait sync.WaitGroup
	wait.Go(func() { _ = s.Serve(l) }) // ends with Close
	r.Cleanup(func() { s.Close(); wait.Wait() })
	return j
}

func (j *judge) ServeHTTP(out http.ResponseWriter, q *http.Request) {
	parts := strings.Split(q.URL.Path, "/")
	if len(parts) != 4 {
		http.NotFound(out, q) // whether it listens
		return
	}
	number, _ := strconv.Atoi(parts[1])
	size, _ := strconv.Atoi(parts[2])
	answer, _ := strconv.Atoi(parts[3])
	body, err := io.ReadAll(q.Body)
	j.mu.Lock()
	j.asked[number]++
	context := q.Header.Values("Traceparent")
	j.headers += len(context)
	switch {
	case err != nil:
		j.wrong = append(j.wrong, fmt.Sprintf("%s: %v", q.URL.Path, err))
	case !bytes.Equal(body, letters('a', number, size)):
		j.wrong = append(j.wrong, fmt.Sprintf("%s: a body of %d bytes: %.100q", q.URL.Path, len(body), body))
	case len(context) > 1 || len(context) == 1 && !injected.MatchString("traceparent: "+context[0]+"\r\n"):
		j.wrong = append(j.wrong, fmt.Sprintf("%s: traceparent %q", q.URL.Path, context))
	}
	j.mu.Unlock()
	out.Header().Set("Content-Length", strconv.Itoa(answer))
	_, _ = out.Write(letters('A', number, answer)) // who is asked by HEAD, or alone, does not write
}

// verdict fails the test unless each question came once, as it was asked, and at
// least so many with a header.
func (j *judge) verdict(t *testing.T, all []question, least int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, q := range all {
		if j.asked[q.Number] != 1 {
			j.wrong = append(j.wrong, fmt.Sprintf("%s %s came %d times", q.Method, q.Path, j.asked[q.Number]))
		}
	}
	t.Logf("%d requests, %d with a header, %d wrong", len(all), j.headers, len(j.wrong))
	if len(j.wrong) > 0 {
		t.Errorf("%d things are wrong:\n%s", len(j.wrong), strings.Join(j.wrong[:min(len(j.wrong), 8)], "\n"))
	}
	if j.headers < least {
		t.Errorf("%d of %d requests have a header: nothing is shown", j.headers, len(all))
	}
}

// mixed is how many questions each client asks.
const mixed = 400

// TestMixedClients: what clients of all kinds send and hear is what it would be
// without an agent, but for one header line.
func TestMixedClients(t *testing.T) {
	for _, c := range []struct {
		name    string
		command func(r *rig, j *judge, plan string) []string
		env     []string
	}{
		{"curl", mixedCurl, nil},
		{"python http.client", mixedPython("http.client"), nil},
		{"python urllib3", mixedPython("urllib3"), nil},
		{"python requests", mixedPython("requests"), nil},
		{"python aiohttp", mixedPython("aiohttp"), nil},
		{"node fetch", mixedNode("fetch"), nil},
		{"node http", mixedNode("http"), nil},
		{"java HttpClient", mixedJavaClient, nil},
		{"go net/http", func(r *rig, j *judge, plan string) []string {
			return []string{self(), j.address, plan}
		}, []string{envRole + "=" + roleAsker}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			j := r.judge()
			all := questions(mixed)
			text, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			args := c.command(r, j, r.write("plan.json", string(text)))
			agent := r.startAgentIn(c.env, "trace", append([]string{"-o", "json", "--"}, args...)...)
			if status := agent.wait(60 * time.Second); status != 0 {
				t.Errorf("exit status %d: %s", status, agent.said())
			}
			t.Log(agent.lastLine())
			j.verdict(t, all, mixed/10)
			if c.name == "curl" {
				r.readAnswers(all)
			}
		})
	}
}

func mixedPython(library string) func(*rig, *judge, string) []string {
	return func(r *rig, j *judge, plan string) []string {
		return []string{r.need(python), r.write("mixed.py", mixedPy), library, j.address, plan}
	}
}

func mixedNode(library string) func(*rig, *judge, string) []string {
	return func(r *rig, j *judge, plan string) []string {
		return []string{r.need("node"), r.write("mixed.js", mixedJS), library, j.address, plan}
	}
}

func mixedJavaClient(r *rig, j *judge, _ string) []string {
	var plan strings.Builder
	for _, q := range questions(mixed) {
		fmt.Fprintln(&plan, q.Number, q.Method, q.Path, q.Body, q.Answer, q.Chunked, q.Expect)
	}
	return append(append([]string{r.need("java")}, lean...), r.write("Mixed.java", mixedJava), j.address, r.write("plan.txt", plan.String()))
}

// mixedCurl asks everything in one process, on kept connections.
func mixedCurl(r *rig, j *judge, _ string) []string {
	var config strings.Builder
	for _, q := range questions(mixed) {
		fmt.Fprintf(&config, "url = \"http://%s%s\"\noutput = \"%s\"\nsilent\nshow-error\n", j.address, q.Path, r.path(answerName(q)))
		switch {
		case q.Method == "HEAD":
			config.WriteString("head\n")
		case q.Body == 0:
			fmt.Fprintf(&config, "request = %s\n", q.Method)
		default:
			body := r.write(fmt.Sprintf("body-%d", q.Number), string(letters('a', q.Number, q.Body)))
			fmt.Fprintf(&config, "request = %s\ndata-binary = \"@%s\"\n", q.Method, body)
		}
		if q.Chunked {
			config.WriteString("header = \"Transfer-Encoding: chunked\"\n")
		}
		if q.Expect {
			config.WriteString("header = \"Expect: 100-continue\"\n")
		}
		config.WriteString("next\n")
	}
	return []string{r.need("curl"), "-K", r.write("curl.conf", strings.TrimSuffix(config.String(), "next\n"))}
}

func answerName(q question) string { return fmt.Sprintf("answer-%d", q.Number) }

// readAnswers checks what curl has written.
func (r *rig) readAnswers(all []question) {
	r.Helper()
	for _, q := range all {
		got, err := os.ReadFile(filepath.Join(r.dir, answerName(q)))
		if os.IsNotExist(err) && q.Answer == 0 {
			continue // curl makes no empty file
		}
		want := letters('A', q.Number, q.Answer)
		if q.Method == "HEAD" { // curl writes the head
			if !bytes.HasPrefix(got, []byte("HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(got, []byte("\r\n\r\n")) {
				r.Errorf("%s is answered by %q", q.Path, got)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			r.Errorf("%s is answered by %d bytes of %d: %v", q.Path, len(got), len(want), err)
		}
	}
}

// ask asks the questions by net/http, so many at a time.
func askMixed(address string, all []question, flight int) error {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: flight, ExpectContinueTimeout: 5 * time.Second}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 30 * time.Second}
	next := make(chan question)
	wrong := make(chan error, flight)
	for range flight {
		go func() {
			var err error
			for q := range next {
				if err == nil {
					err = askOne(&client, address, q)
				}
			}
			wrong <- err
		}()
	}
	for _, q := range all {
		next <- q
	}
	close(next)
	var first error
	for range flight {
		if err := <-wrong; first == nil {
			first = err
		}
	}
	return first
}

func askOne(client *http.Client, address string, q question) error {
	var body io.Reader
	if q.Body > 0 {
		body = bytes.NewReader(letters('a', q.Number, q.Body))
	}
	if q.Chunked {
		body = struct{ io.Reader }{body} // whose length is not known
	}
	request, err := http.NewRequest(q.Method, "http://"+address+q.Path, body)
	if err != nil {
		return err
	}
	if q.Expect {
		request.Header.Set("Expect", "100-continue")
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", q.Method, q.Path, err)
	}
	want := q.Answer
	if q.Method == http.MethodHead {
		want = 0
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(got, letters('A', q.Number, want)) {
		return fmt.Errorf("%s %s is answered %d with %d bytes of %d: %.80q", q.Method, q.Path, response.StatusCode, len(got), want, got)
	}
	return nil
}

// beAsker is the test binary as a client, see roleAsker.
func beAsker(args []string) error {
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var all []question
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	return askMixed(args[0], all, 4)
}

// haproxyConfig keeps connections to the server, for whoever asks.
const haproxyConfig = `global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
listen front
  bind {address}
  server back %s
`

var haproxy = program{
	name: "haproxy",
	start: func(r *rig, downstream string) *service {
		binary := r.need("/usr/sbin/haproxy")
		address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
		config := strings.NewReplacer("{address}", address).Replace(fmt.Sprintf(haproxyConfig, downstream))
		return r.service(command{args: []string{binary, "-db", "-f", r.write("haproxy.cfg", config)}}, address)
	},
}

// askWaiting asks, and writes into a file what FIONREAD tells of the answer.
const askWaiting = `
import fcntl, socket, struct, sys, termios, time
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"GET /0/0/5000 HTTP/1.1\r\nHost: x\r\n\r\n")
s.recv(1)
time.sleep(0.2)
open(sys.argv[2], "w").write(str(struct.unpack("i", fcntl.ioctl(s, termios.FIONREAD, bytes(4)))[0]))
`

var asksWaiting = regexp.MustCompile(`its requests carry no trace context.*FIONREAD`)

// asksWaiting tells whether the agent leaves the program's sockets alone, since this
// kernel would hide from it what waits on them.
func (a *agent) asksWaiting() bool { return asksWaiting.MatchString(a.said()) }

// tellsWaiting tells whether this kernel still tells a traced program by FIONREAD
// how many bytes wait. Some count what waits in the sockmap alone, where nothing
// does; see README, "What goes on the wire".
func tellsWaiting(t *testing.T) bool {
	t.Helper()
	r := newRig(t)
	told := r.path("told")
	r.traceCommand(r.need(python), "-c", askWaiting, r.judge().address, told)
	text, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) != "0"
}

// TestMixedProxies: the same of proxies, which send what somebody else asks. nginx
// would wait for ever where FIONREAD tells of nothing: there the agent puts nothing into
// what it sends, and says so.
func TestMixedProxies(t *testing.T) {
	told := tellsWaiting(t)
	for _, c := range []struct {
		program program
		path    string
		asks    bool // FIONREAD
	}{{nginx, "/proxy", true}, {nginx, "/kept", true}, {nginx, "/streamed", true}, {haproxy, "", false}} {
		t.Run(c.program.name+" "+c.path, func(t *testing.T) {
			r := newRig(t)
			j := r.judge()
			s := c.program.start(r, j.address)
			least := mixed / 10
			agent := r.tracePIDs(s.proc)
			if c.asks && !told {
				least = 0
				if !agent.awaitSaid(asksWaiting) {
					t.Error("nothing is said of requests that carry no trace context")
				}
			}
			all := questions(mixed)
			for i := range all {
				all[i].Path = c.path + all[i].Path
			}
			if err := askMixed(s.address, all, 4); err != nil {
				t.Error(err)
			}
			agent.stop()
			j.verdict(t, all, least)
		})
	}
}
