package http1

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

// leaveOut lets an exchange pass of which the kernel tells nothing; the next request that it tells of says so.
func (k *kernel) leaveOut(f func()) {
	k.lose(f)
	k.flags = abi.FlagResumed
}

// resumed makes a request behind what was left out.
func (k *kernel) resumed(d abi.Direction, b string) {
	k.request(d, b)
	k.flags = 0
}

// void ends the head of a request that turns out not to be sampled.
func (k *kernel) void(d abi.Direction, rest string) {
	k.limit = 0
	k.move(d, []byte(rest), len(rest), abi.FlagUnsampled|abi.FlagEof) // the latter makes the test's kernel tell of it
	k.limit = 4096
}

const (
	other     = "GET /other HTTP/1.1\r\nHost: h:1\r\n\r\n"
	trailers  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	largeHead = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
)

func TestLeftOut(t *testing.T) {
	const seen, last = "GET /big 200 response=2", "GET /other 200 response=2"
	for _, c := range []struct {
		name string
		play func(k *kernel, ask, answer abi.Direction)
		want []string
	}{
		{"between two", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, get)
			k.bytes(answer, ok)
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok); k.request(ask, get); k.bytes(answer, ok) })
			k.resumed(ask, other)
			k.bytes(answer, ok)
		}, []string{seen, last}},
		{"at first", func(k *kernel, ask, answer abi.Direction) {
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok) })
			k.resumed(ask, other)
			k.bytes(answer, ok)
		}, []string{last}},
		{"with chunked bodies", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, get)
			k.bytes(answer, ok)
			k.leaveOut(func() {
				k.request(ask, "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
				k.bytes(ask, "0\r\n\r\n")
				k.bytes(answer, trailers+"2\r\nok\r\n0\r\n\r\n")
			})
			k.resumed(ask, other)
			k.bytes(answer, ok)
		}, []string{seen, last}},
		{"head in pieces", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, get)
			k.bytes(answer, ok)
			k.request(ask, "GET /void HTT")
			k.void(ask, "P/1.1\r\n\r\n")
			k.leaveOut(func() { k.bytes(answer, ok) })
			k.resumed(ask, other)
			k.bytes(answer, ok)
		}, []string{seen, last}},
		{"first head in pieces", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, "GE")
			k.void(ask, "T /void HTTP/1.1\r\n\r\n")
			k.leaveOut(func() { k.bytes(answer, ok) })
			k.resumed(ask, other)
			k.bytes(answer, ok)
		}, []string{last}},
		{"resumed in pieces", func(k *kernel, ask, answer abi.Direction) {
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok) })
			k.resumed(ask, other[:10])
			k.bytes(ask, other[10:])
			k.bytes(answer, ok)
		}, []string{last}},
		{"answer before its request", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, get)
			k.bytes(answer, ok)
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok) })
			k.swap(func() { k.resumed(ask, other); k.bytes(answer, ok) })
			k.wait(200)
		}, []string{seen, last}},
		{"closed in the middle", func(k *kernel, ask, answer abi.Direction) {
			k.request(ask, get)
			k.bytes(answer, ok)
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, largeHead) })
			k.close(abi.CloseReset, 104)
		}, []string{seen}},
		{"nothing else", func(k *kernel, ask, answer abi.Direction) {
			k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok) })
			k.close(abi.CloseLocal, 0)
		}, nil},
		{"upgraded", func(k *kernel, ask, answer abi.Direction) {
			k.leaveOut(func() {
				k.request(ask, "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
				k.bytes(answer, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
				k.count(ask, 1<<20)
			})
			k.close(abi.CloseRemote, 0)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k, ask, answer := started(t, asServer)
				c.play(k, ask, answer)
				k.expect(c.want...)
				if s := k.a.Stats(); s.Drops != [flow.Drops]uint64{} || s.Gaps != 0 || s.Late != 0 {
					t.Errorf("what was left out counts as lost: %+v", s)
				}
				k.a.Close(k.now)
				k.settled()
			})
		})
	}
}

// What was told before and had not ended is ended by its own last byte.
func TestLeftOutBehindOpen(t *testing.T) {
	for _, c := range []struct {
		name, head, want string
		rest             int
	}{
		{"length", largeHead + strings.Repeat("x", 10_000), "GET /big 200 response=1000000", 990_000},
		{"trailers", trailers + "5\r\nhello\r\n0\r\nA: b", "GET /big 200", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k, ask, answer := started(t, asServer)
				k.request(ask, get)
				k.bytes(answer, c.head)
				k.count(answer, c.rest)
				end := k.now
				k.now += 1e9
				k.void(ask, get)
				k.expect(c.want)
				if len(k.found) == 1 && k.found[0].End != end {
					t.Errorf("ends %d ns after its last byte", int64(k.found[0].End-end))
				}
				k.leaveOut(func() { k.bytes(answer, ok) })
				k.resumed(ask, other)
				k.bytes(answer, ok)
				k.expect(c.want, "GET /other 200 response=2")
			})
		})
	}
}

// The end of what was told is lost: it is told without it, and counted.
func TestLeftOutBehindLost(t *testing.T) {
	bothEnds(t, func(t *testing.T, asServer bool) {
		k, ask, answer := started(t, asServer)
		k.request(ask, get)
		k.lose(func() { k.bytes(answer, ok) })
		k.leaveOut(func() { k.request(ask, get); k.bytes(answer, ok) })
		k.resumed(ask, other)
		k.bytes(answer, ok)
		k.expect("GET /big -", "GET /other 200 response=2")
		if lost := k.a.Stats().Drops[flow.DropLostHead]; lost != 1 {
			t.Errorf("%d heads lost", lost)
		}
	})
}
