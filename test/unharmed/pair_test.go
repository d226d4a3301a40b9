package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain begins again without the signals of Go's scheduler, which interrupt
// blocking calls.
func TestMain(m *testing.M) {
	const quiet = "asyncpreemptoff=1"
	if strings.Contains(os.Getenv("GODEBUG"), quiet) {
		os.Exit(m.Run())
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, append(os.Environ(), "GODEBUG="+quiet))
	}
	fmt.Fprintln(os.Stderr, "beginning again:", err)
	os.Exit(1)
}

// TestPlans: both sides make the same, and every byte is sent by a call.
func TestPlans(t *testing.T) {
	a, b := newMaker(3), newMaker(3)
	other := newMaker(4)
	if bytes.Equal(a.pool, other.pool) {
		t.Error("two seeds make one pool")
	}
	for number := range uint32(10 * len(kinds())) {
		p, q := a.plan(number), b.plan(number)
		if p.kind != kindOf(number).name || p.turns < 1 || p.socket != q.socket {
			t.Fatalf("stream %d: %+v and %+v", number, p, q)
		}
		for i := range p.turns {
			x, y := p.turn(i), q.turn(i)
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%s %d, turn %d differs", p.kind, number, i)
			}
			if x.called() != len(x.text) {
				t.Errorf("%s %d, turn %d: calls send %d bytes of %d", p.kind, number, i, x.called(), len(x.text))
			}
			for _, c := range x.calls {
				if c.n < 1 {
					t.Errorf("%s %d, turn %d: a call sends %d bytes", p.kind, number, i, c.n)
				}
			}
			if n := len(x.calls); n > 0 && x.calls[n-1].way == wayMore {
				t.Errorf("%s %d, turn %d: what is sent with MSG_MORE waits for more", p.kind, number, i)
			}
			for _, h := range x.heads {
				if x.text[h.at-1] != '\n' || !bytes.Contains(x.text[h.at-10:h.at], []byte("HTTP/1")) && !strings.HasPrefix(p.kind, "odd") {
					t.Errorf("%s %d, turn %d: %q is a head's first line", p.kind, number, i, x.text[:h.at])
				}
			}
		}
	}
}

func TestStreamOf(t *testing.T) {
	for _, number := range []uint32{0, 1, 255, 256, 65536, streamsMax - 1} {
		source := sourceOf(number)
		addr, _ := net.ResolveTCPAddr("tcp4", fmt.Sprintf("%d.%d.%d.%d:1", source[0], source[1], source[2], source[3]))
		if got, err := streamOf(addr.AddrPort().Addr()); err != nil || got != number {
			t.Errorf("%d is %d from %v: %v", number, got, source, err)
		}
	}
	if _, err := streamOf((&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}).AddrPort().Addr()); err == nil {
		t.Error("somebody else is a stream")
	}
}

// hold plays the streams by way of a relay, or directly, and gives what was wrong.
func hold(t *testing.T, may string, numbers []uint32, through func(net.Listener, string)) []fault {
	t.Helper()
	m := newMaker(9)
	l, err := listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := poolFile(m.pool)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const deadline = 15 * time.Second
	s := &server{maker: m, may: named(list(may)), deadline: deadline, tally: newTally()}
	c := &client{maker: m, port: l.Addr().(*net.TCPAddr).Port, file: file, deadline: deadline, tally: newTally()}
	var wait sync.WaitGroup
	wait.Go(func() { s.serve(l) })
	if through != nil {
		relay, err := listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.port = relay.Addr().(*net.TCPAddr).Port
		wait.Go(func() { through(relay, l.Addr().String()) })
		defer relay.Close()
	}
	for _, number := range numbers {
		c.one(number)
	}
	l.Close()
	if through == nil {
		wait.Wait()
	} else {
		s.conns.Wait()
	}
	x := trial{client: c.tally, server: s.tally}
	return x.faults()
}

// TestPair: every kind is right where there is nobody to harm it.
func TestPair(t *testing.T) {
	var numbers []uint32
	for number := range uint32(4 * len(kinds())) {
		numbers = append(numbers, number)
	}
	for _, f := range hold(t, "", numbers, nil) {
		t.Errorf("%s, %s %d: %s", f.What, f.Kind, f.Stream, f.Text)
	}
}

// TestDamage: whatever harms a conversation is seen.
func TestDamage(t *testing.T) {
	kept := []uint32{0} // the first is of keep-alive
	if kindOf(0).name != "keep-alive" {
		t.Fatal("stream 0 is of another kind")
	}
	at := func(n int, change func(b []byte) []byte) func([]byte, int) []byte {
		return func(b []byte, before int) []byte {
			if before <= n && n < before+len(b) {
				i := n - before
				return append(append([]byte(nil), b[:i]...), change(b[i:])...)
			}
			return b
		}
	}
	flip := func(b []byte) []byte { b[0] ^= 1; return b }
	drop := func(b []byte) []byte { return b[1:] }
	double := func(b []byte) []byte { return append([]byte{b[0]}, b...) }
	header := func(b []byte) []byte { return append([]byte(aParent), b...) }
	behindLine := func(header string) func([]byte, int) []byte {
		return func(b []byte, _ int) []byte {
			line, rest, ok := bytes.Cut(b, []byte("HTTP/1.1\r\n"))
			if !ok {
				return b
			}
			return []byte(string(line) + "HTTP/1.1\r\n" + header + string(rest))
		}
	}
	as := func(b []byte, _ int) []byte { return b }
	for _, c := range []struct {
		name     string
		sent     func(b []byte, before int) []byte
		answered func(b []byte, before int) []byte
		may      string
		harms    bool
	}{
		{"nothing", as, as, "", false},
		{"a bit of a request", at(5000, flip), as, "", true},
		{"a byte less of a request", at(5000, drop), as, "", true},
		{"a byte more of a request", at(5000, double), as, "", true},
		{"a bit of an answer", as, at(5000, flip), "", true},
		{"a byte less of an answer", as, at(5000, drop), "", true},
		{"a byte more of an answer", as, at(5000, double), "", true},
		{"a header where it may be", behindLine(aParent), as, "traceparent", false},
		{"a header where none may be", behindLine(aParent), as, "", true},
		{"two headers", behindLine(aParent + aParent), as, "traceparent", true},
		{"a header somewhere", at(5003, header), as, "traceparent", true},
		{"a header in an answer", as, behindLine(aParent), "traceparent", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := hold(t, c.may, kept, func(l net.Listener, to string) { relay(l, to, c.sent, c.answered) })
			if (len(faults) > 0) != c.harms {
				t.Errorf("%d faults: %v", len(faults), faults)
			}
		})
	}
}

// relay hands on what comes, changed, from the same address.
func relay(l net.Listener, to string, sent, answered func([]byte, int) []byte) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		from := in.RemoteAddr().(*net.TCPAddr).IP
		out, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial("tcp4", to)
		if err != nil {
			in.Close()
			continue
		}
		var both sync.WaitGroup
		pass := func(to, from net.Conn, change func([]byte, int) []byte) {
			buffer := make([]byte, 64<<10)
			for before := 0; ; {
				n, err := from.Read(buffer)
				if _, failed := to.Write(change(buffer[:n], before)); failed != nil || err != nil {
					break
				}
				before += n
			}
			if err := to.(*net.TCPConn).CloseWrite(); err != nil {
				to.Close()
			}
		}
		both.Go(func() { pass(out, in, sent) })
		both.Go(func() { pass(in, out, answered) })
		both.Wait()
		_, _ = io.Copy(io.Discard, in)
		in.Close()
		out.Close()
	}
}
