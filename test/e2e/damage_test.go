package e2e

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/sender.py
var senderPy string

// A step of a conversation: the client sends in one call, the server answers
// when all of it came, and the client waits for that.
type step struct {
	Send   string
	How    string // "", "more" (MSG_MORE), "sendfile", "meanwhile" (another thread reads)
	Answer string
	begins bool // a request of the client's begins with it
}

const (
	answered  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	goOn      = "HTTP/1.1 100 Continue\r\n\r\n"
	streaming = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	piece     = "5\r\nhello\r\n"

	// decoy is a body that looks like a request.
	decoy = "GET / HTTP/1.1\r\nA: bbbbbbbbb\r\n\r\n"
)

// request is the head of a request with fields of its own.
func request(line string, fields ...string) string {
	return strings.Join(append([]string{line + " HTTP/1.1", "Host: x"}, fields...), "\r\n") + "\r\n\r\n"
}

// post announces a body of n bytes.
func post(n int, fields ...string) string {
	return request("POST /up", append(fields, fmt.Sprintf("Content-Length: %d", n))...)
}

// asks is a step that is a whole request.
func asks(text string) step { return step{Send: text, begins: true, Answer: answered} }

// decoys are ways to mislead one who guesses where requests begin.
var decoys = []struct {
	name  string
	lines int // header lines that are put in
	steps []step
}{
	{"plain", 2, []step{asks(get), asks(get)}},
	{"pipeline", 1, []step{
		{Send: get, begins: true},
		{Send: post(len(decoy)), begins: true, Answer: answered},
		{Send: decoy, Answer: answered},
		asks(get),
	}},
	{"long head", 0, []step{
		{Send: post(2*len(decoy), "Cookie: "+strings.Repeat("a", 4200)), begins: true, Answer: answered},
		{Send: decoy}, {Send: decoy},
		asks(get),
	}},
	{"early answer", 1, []step{
		{Send: post(4 * len(decoy)), begins: true, Answer: streaming},
		{Send: decoy, Answer: piece}, {Send: decoy, Answer: piece},
		{Send: decoy, Answer: piece}, {Send: decoy, Answer: piece + "0\r\n\r\n"},
		asks(get),
	}},
	{"tunnel", 1, []step{
		{Send: request("POST /attach", "Connection: Upgrade", "Upgrade: tcp"), begins: true,
			Answer: "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"},
		{Send: decoy, Answer: "hello"}, {Send: decoy},
	}},
	{"duplex", 1, []step{
		{Send: request("POST /up", "Transfer-Encoding: chunked") + "80\r\n", begins: true, Answer: streaming},
		{Send: decoy, Answer: piece}, {Send: decoy, Answer: piece},
		{Send: decoy, Answer: piece}, {Send: decoy, Answer: piece},
		{Send: "\r\n0\r\n\r\n", Answer: "0\r\n\r\n"},
		asks(get),
	}},
	{"malformed traceparent", 0, []step{
		asks(request("GET /a", "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01")),
	}},
	{"empty traceparent", 0, []step{asks(request("GET /a", "traceparent:"))}},
	{"sendfile", 2, []step{
		{Send: post(10000 * len(decoy)), begins: true},
		{Send: strings.Repeat(decoy, 10000), How: "sendfile", Answer: answered},
		{Send: post(10000 * len(decoy)), begins: true},
		{Send: strings.Repeat(decoy, 10000), How: "sendfile", Answer: answered},
	}},
	{"MSG_MORE", 2, []step{
		{Send: post(len(decoy)), How: "more", begins: true},
		{Send: decoy, Answer: answered},
		{Send: post(2 * len(decoy)), How: "more", begins: true},
		{Send: decoy, How: "more"}, {Send: decoy, Answer: answered},
	}},
	{"100-continue", 2, []step{
		{Send: post(len(decoy), "Expect: 100-continue"), begins: true, Answer: goOn},
		{Send: decoy, Answer: answered},
		asks(get),
	}},
	{"100-continue and the answer at once", 1, []step{
		{Send: post(len(decoy), "Expect: 100-continue"), begins: true, Answer: goOn + answered},
		{Send: decoy, Answer: answered},
		asks(get),
	}},
	{"large", 2, large()},
	{"another protocol, large", 0, []step{{Send: "\x00AMQP" + strings.Repeat("z", 3000000), How: "meanwhile"}}},
}

// large is a request of 12 MB in one call. Its body's period is odd, so that the
// pieces that the kernel makes of it begin at every place of it sooner or later.
func large() []step {
	const request, n = "GET /a HTTP/1.1\r\n\r\n", 630000
	return []step{
		asks(get),
		{Send: post(n*len(request)) + strings.Repeat(request, n), begins: true, How: "meanwhile"},
	}
}

// TestCoreNoDamage: what arrives is what was sent, and nothing more than whole
// header lines behind the request lines of requests that the client began.
func TestCoreNoDamage(t *testing.T) {
	for _, c := range decoys {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			plan, err := json.Marshal(c.steps)
			if err != nil {
				t.Fatal(err)
			}
			l := r.listen()
			heard := make(chan string, 1)
			go func() { heard <- r.converse(l, c.steps) }()
			_, said := r.traceCommand(r.need(python), r.write("sender.py", senderPy), port(l.Addr().String()),
				r.write("plan.json", string(plan)))
			l.Close()
			lines := undamaged(t, <-heard, c.steps)
			if lines != c.lines {
				t.Errorf("%d header lines were put in instead of %d: %s", lines, c.lines, said)
			}
		})
	}
}

// undamaged compares what arrived with what was sent and counts the header lines
// that were put in.
func undamaged(t *testing.T, got string, steps []step) int {
	t.Helper()
	var sent strings.Builder
	allowed := map[int]bool{} // where a header line may stand
	for _, s := range steps {
		if s.begins {
			allowed[sent.Len()+strings.Index(s.Send, "\r\n")+2] = true
		}
		sent.WriteString(s.Send)
	}
	lines, put := injected.FindAllStringIndex(got, -1), 0
	for _, line := range lines {
		if at := line[0] - put; !allowed[at] {
			t.Errorf("a header line stands behind byte %d: %q", at, got[max(0, line[0]-60):line[1]])
		} else {
			allowed[at] = false
		}
		put += line[1] - line[0]
	}
	clean := injected.ReplaceAllString(got, "")
	if clean != sent.String() {
		same := 0
		for same < min(len(clean), sent.Len()) && clean[same] == sent.String()[same] {
			same++
		}
		t.Errorf("%d bytes arrive of %d, the same as far as %d: %.200q", len(clean), sent.Len(), same, clean[same:])
	}
	return len(lines)
}

func (r *rig) listen() *net.TCPListener {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// converse plays the server's part on one connection and gives all that came.
func (r *rig) converse(l *net.TCPListener, steps []step) string {
	c, err := l.AcceptTCP()
	if err != nil {
		r.Errorf("accepting: %v", err)
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	c.SetReadBuffer(1 << 16)
	var got []byte
	buffer := make([]byte, 1<<15)
	read := func() bool {
		n, err := c.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil && err != io.EOF {
			r.Errorf("receiving: %v", err)
		}
		return err == nil
	}
	sent := 0
	for _, s := range steps {
		sent += len(s.Send)
		if s.How == "meanwhile" {
			defer chatter(c)()
		}
		if s.Answer == "" {
			continue
		}
		for len(injected.ReplaceAll(got, nil)) < sent {
			if !read() {
				return string(got)
			}
		}
		if _, err := io.WriteString(c, s.Answer); err != nil {
			r.Errorf("answering: %v", err)
		}
	}
	for read() {
		if sent > 1<<20 {
			time.Sleep(time.Millisecond) // the client's buffer is to be full
		}
	}
	return string(got)
}

// chatter wakes the client's reader while the client sends, until it is told to end.
func chatter(c net.Conn) (end func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond):
				if _, err := io.WriteString(c, goOn); err != nil {
					return
				}
			}
		}
	}()
	return func() { close(stop); <-ended }
}
