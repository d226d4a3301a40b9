package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const host = " HTTP/1.1\r\nHost: {host}\r\n"

// conversations are ways to use a connection, and the spans that they are.
var conversations = []struct {
	name  string
	talk  func(w *wire)
	spans []string
}{
	{"keep-alive", func(w *wire) {
		for range 3 {
			w.ask("GET", "GET /ok"+host+"\r\n")
		}
	}, []string{"GET /ok 200", "GET /ok 200", "GET /ok 200"}},
	{"pipelining", func(w *wire) {
		w.say("GET /ok" + host + "\r\nGET /status/404" + host + "\r\nGET /status/500" + host + "\r\n")
		w.hear("GET")
		w.hear("GET")
		w.hear("GET")
		w.ask("GET", "GET /status/503"+host+"\r\n")
	}, []string{"GET /ok 200", "GET /status/404 404", "GET /status/500 500", "GET /status/503 503"}},
	{"pipelining, split", func(w *wire) {
		w.say("GET /slow/20" + host + "\r\nGET /st")
		time.Sleep(5 * time.Millisecond)
		w.say("atus/404" + host + "\r")
		time.Sleep(5 * time.Millisecond)
		w.say("\nGET /ok" + host + "\r\n")
		w.hear("GET")
		w.hear("GET")
		w.hear("GET")
	}, []string{"GET /slow/20 200", "GET /status/404 404", "GET /ok 200"}},
	{"HEAD", func(w *wire) {
		w.ask("HEAD", "HEAD /ok"+host+"\r\n")
		w.ask("GET", "GET /ok"+host+"\r\n")
	}, []string{"HEAD /ok 200", "GET /ok 200"}},
	{"204 and 304", func(w *wire) {
		w.ask("GET", "GET /status/204"+host+"\r\n")
		w.ask("GET", "GET /status/304"+host+"\r\n")
		w.ask("GET", "GET /ok"+host+"\r\n")
	}, []string{"GET /status/204 204", "GET /status/304 304", "GET /ok 200"}},
	{"100-continue", func(w *wire) {
		w.say("POST /read" + host + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if status, _ := w.hear("POST"); status != 100 {
			w.rig.Errorf("status %d instead of 100", status)
		}
		w.say("hello")
		w.hear("POST")
		w.ask("GET", "GET /ok"+host+"\r\n")
	}, []string{"POST /read 200", "GET /ok 200"}},
	{"chunked", func(w *wire) {
		w.say("POST /read" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		time.Sleep(5 * time.Millisecond)
		w.say("6\r\n world\r\n0\r\n\r\n")
		w.hear("POST")
		w.ask("GET", "GET /chunks/10"+host+"\r\n")
		w.ask("GET", "GET /ok"+host+"\r\n")
	}, []string{"POST /read 200", "GET /chunks/10 200", "GET /ok 200"}},
	{"a head byte by byte", func(w *wire) {
		for _, b := range strings.ReplaceAll("GET /ok"+host+"\r\n", "{host}", "x") {
			w.say(string(b))
			time.Sleep(time.Millisecond)
		}
		w.hear("GET")
	}, []string{"GET /ok 200"}},
	{"a large body", func(w *wire) {
		w.ask("POST", "POST /read"+host+"Content-Length: 1000000\r\n\r\n"+strings.Repeat("x", 1000000))
		w.ask("POST", "POST /read"+host+"Content-Length: 9\r\n\r\nGET / HTT")
	}, []string{"POST /read 200", "POST /read 200"}},
	{"upgrade", func(w *wire) {
		status, _ := w.ask("GET", "GET /upgrade"+host+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		if status != 101 {
			w.rig.Errorf("status %d instead of 101", status)
		}
		for range 3 { // no longer HTTP, whatever it looks like
			w.say("GET /ok" + host + "\r\n")
			if _, err := w.in.ReadString('\n'); err != nil {
				w.rig.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}, []string{"GET /upgrade 101"}},
	{"absolute form", func(w *wire) { w.ask("GET", "GET http://{host}/ok"+host+"\r\n") }, []string{"GET /ok 200"}},
	{"asterisk form", func(w *wire) { w.ask("OPTIONS", "OPTIONS *"+host+"\r\n") }, []string{"OPTIONS * 200"}},
	{"HTTP/1.0", func(w *wire) { w.ask("GET", "GET /ok HTTP/1.0\r\n\r\n") }, []string{"GET /ok 200"}},
	{"the server hangs up", func(w *wire) {
		w.say("GET /hangup" + host + "\r\n")
		if _, err := w.in.ReadByte(); err == nil {
			w.rig.Error("the server answered")
		}
	}, []string{"GET /hangup "}},
	{"the client resets", func(w *wire) {
		w.say("GET /slow/1500" + host + "\r\n")
		time.Sleep(50 * time.Millisecond)
		w.reset()
	}, []string{"GET /slow/1500 "}},
	{"the client does not wait", func(w *wire) {
		w.say("GET /slow/100" + host + "\r\n")
		time.Sleep(20 * time.Millisecond)
		w.Close()
		time.Sleep(150 * time.Millisecond)
	}, []string{"GET /slow/100 200"}},
	{"the client does not end its head", func(w *wire) {
		w.say("GET /ok HTTP/1.1\r\nHost: x\r\n")
		time.Sleep(20 * time.Millisecond)
	}, []string{"GET /ok 400"}},
	{"no request at all", func(w *wire) { time.Sleep(20 * time.Millisecond) }, nil},
}

// TestCoreConversations checks the spans of each way to use a connection.
func TestCoreConversations(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			s := goSelf.start(r, "")
			agent := r.tracePIDs(s.proc)
			w := r.wire(s.address)
			c.talk(w)
			w.Close()
			// A neighbour's request comes last, so that all else has come.
			ask := r.newAsker(s.address)
			ask.get("/status/418")
			agent.await(1+len(c.spans), func(span) bool { return true })
			var got []string
			for _, s := range agent.stop() {
				if s.path() == "/status/418" {
					continue
				}
				got = append(got, fmt.Sprintf("%s %s %s", s.method(), s.path(), s.code()))
				if failure := s.Attributes["error.type"]; s.code() == "" && failure != "panic" && !strings.HasPrefix(failure, "connection_") {
					t.Errorf("a span has neither a status nor an error.type: %s", s)
				}
			}
			if strings.Contains(agent.lastLine(), "open_lost") {
				t.Errorf("a connection is reported after its end: %s", agent.lastLine())
			}
			slices.Sort(got)
			want := slices.Clone(c.spans)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("spans %q instead of %q", got, want)
			}
		})
	}
}
