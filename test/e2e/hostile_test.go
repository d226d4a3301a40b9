package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// attacks are things that come to a port of a target, each on a connection of
// its own.
var attacks = []struct {
	name  string
	times int
	bytes func() string
}{
	{"random bytes", 100, func() string {
		b := make([]byte, 1+rand.IntN(5000))
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return string(b)
	}},
	{"a truncated head", 100, func() string {
		head := "GET /truncated HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc"
		return head[:1+rand.IntN(len(head)-1)]
	}},
	{"a header of a megabyte", 10, func() string {
		return "GET /megabyte HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 1<<20) + "\r\n\r\n"
	}},
	{"a path of 100 kB", 10, func() string { return "GET /" + strings.Repeat("z", 100000) + " HTTP/1.1\r\nHost: x\r\n\r\n" }},
	{"NULs", 100, func() string { return strings.Repeat("\x00", 1+rand.IntN(3000)) }},
	{"NULs in a head", 100, func() string { return "GET /\x00\x00 HTTP/1.1\r\n\x00: \x00\r\n\r\n" }},
	{"a response", 50, func() string { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }},
	{"TLS", 50, func() string { return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x7f", 507) }},
	{"HTTP/2", 50, func() string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" }},
	{"a bad traceparent", 50, func() string {
		return "GET /status/400 HTTP/1.1\r\nHost: x\r\ntraceparent: 00-" + strings.Repeat("g", 60) + "\r\nConnection: close\r\n\r\n"
	}},
	{"a thousand headers", 10, func() string {
		return "GET /status/400 HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 1000) + "Connection: close\r\n\r\n"
	}},
	{"negative length", 20, func() string { return "POST /ok HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx" }},
	{"length beyond all", 20, func() string {
		return "POST /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx"
	}},
	{"bad chunks", 20, func() string {
		return "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nxx"
	}},
}

// memoryBound is what the agent may hold while hostile things happen.
const memoryBound = 64 << 20

// TestCoreHostile sends a target what no client sends. Its honest requests and its
// neighbour's are all seen.
func TestCoreHostile(t *testing.T) {
	r := newRig(t)
	victim, neighbour := goSelf.start(r, ""), goSelf.start(r, "")
	agent := r.tracePIDs(victim.proc, neighbour.proc)
	honest, other := r.newAsker(victim.address), r.newAsker(neighbour.address)
	for _, a := range attacks {
		for range a.times {
			r.attack(victim.address, a.bytes())
		}
		for range 10 {
			honest.get("/headers", traced)
			other.get("/headers", traced)
		}
	}
	honest.get("/headers", fresh)
	rss := agent.resident()
	agent.await(len(honest.asked)+len(other.asked), ofPath(server, "/headers"))
	spans := filter(agent.stop(), ofPath(server, "/headers"))
	both := r.newAsker(victim.address)
	both.asked = append(honest.asked, other.asked...)
	both.compare(spans)
	t.Logf("the agent holds %d MB", rss>>20)
	if rss > memoryBound {
		t.Errorf("the agent holds %d bytes", rss)
	}
}

// attack sends and does not listen for long.
func (r *rig) attack(address, text string) {
	r.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		return // the server is free to end it
	}
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, c)
}

// resident is the agent's memory in bytes.
func (a *agent) resident() int {
	a.rig.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.pid()))
	if err != nil {
		a.rig.Fatal(err)
	}
	var kilobytes int
	if _, rest, ok := strings.Cut(string(text), "VmRSS:"); ok {
		fmt.Sscan(rest, &kilobytes)
	}
	return kilobytes << 10
}

// TestFlood opens two thousand connections to a target, most of which say little
// or nothing.
func TestFlood(t *testing.T) {
	r := newRig(t)
	victim, neighbour := goNet.start(r, ""), goNet.start(r, "")
	agent := r.tracePIDs(victim.proc, neighbour.proc)
	before := agent.resident()
	other := r.newAsker(neighbour.address)
	var (
		wait sync.WaitGroup
		stop = make(chan struct{})
	)
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				if _, err := other.ask("/headers", traced); err != nil {
					t.Error(err)
				}
			}
		}
	})
	const connections = 2000
	open := make([]net.Conn, 0, connections)
	for i := range connections {
		c, err := net.Dial("tcp", victim.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
		switch i % 4 {
		case 0:
			io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: x\r\n") // and no more
		case 1:
			io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
		case 2:
			io.WriteString(c, "\x00\x01\x02")
		}
	}
	agent.await(connections/4, ofPath(server, "/ok"))
	during := agent.resident()
	for _, c := range open {
		c.Close()
	}
	close(stop)
	wait.Wait()
	agent.await(len(other.asked), ofPath(server, "/headers"))
	spans := agent.stop()
	other.compare(filter(spans, ofPath(server, "/headers")))
	answered := filter(spans, func(s span) bool { return s.path() == "/ok" && s.code() == "200" })
	if len(answered) != connections/4 {
		t.Errorf("%d of %d requests of the flood are seen", len(answered), connections/4)
	}
	t.Logf("the agent held %d MB before and %d MB during the flood", before>>20, during>>20)
	if during > memoryBound {
		t.Errorf("the agent holds %d bytes", during)
	}
}
