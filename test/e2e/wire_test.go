package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A wire is one connection to a traced server on which a test chooses every
// byte.
type wire struct {
	rig *rig
	*net.TCPConn
	in *bufio.Reader
	// put changes what is said; nil: nothing does.
	put func(string) string
}

func (r *rig) wire(address string) *wire {
	r.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.Fatal(err)
	}
	return &wire{rig: r, TCPConn: c.(*net.TCPConn), in: bufio.NewReader(c)}
}

// say sends text as it is; {host} is the server.
func (w *wire) say(text string) {
	w.rig.Helper()
	if w.put != nil {
		text = w.put(text)
	}
	text = strings.ReplaceAll(text, "{host}", w.RemoteAddr().String())
	if _, err := io.WriteString(w, text); err != nil {
		w.rig.Fatalf("sending: %v", err)
	}
}

// hear reads one response to a request of the method, and its body.
func (w *wire) hear(method string) (status int, body string) {
	w.rig.Helper()
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.rig.Fatalf("reading the response: %v", err)
	}
	if response.StatusCode < 200 {
		return response.StatusCode, ""
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.rig.Fatalf("reading the response's body: %v", err)
	}
	return response.StatusCode, string(text)
}

// ask says and hears.
func (w *wire) ask(method, text string) (int, string) {
	w.rig.Helper()
	w.say(text)
	return w.hear(method)
}

// reset ends the connection at once, with a reset instead of an end.
func (w *wire) reset() {
	_ = w.SetLinger(0) // the worst that can happen is a polite end
	w.Close()
}
