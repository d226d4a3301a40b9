package main

import "math/rand/v2"

// A plan is what is to happen on one connection. Both sides make it from the same
// seed and number, so each knows every byte that the other sends.
type plan struct {
	kind    string
	socket  socket
	turns   int
	turn    func(i int) *turn // is called once for each, in order
	greeted []byte            // sent by the server before anything else
	ending  ending
}

// A socket is how the two sides use theirs.
type socket struct {
	delayed     bool // without TCP_NODELAY
	nonBlocking bool // the client's: it polls
	sendBuffer  int  // SO_SNDBUF of the client, before it connects
	roomBuffer  int  // SO_RCVBUF of the server
	sluggish    bool // the server reads little at a time, and late
	zerocopy    moment
	fastOpen    bool // the first call connects (MSG_FASTOPEN)
	urgent      bool // the server takes urgent bytes as others (SO_OOBINLINE)
	hears       hearing
}

// A moment is when SO_ZEROCOPY is set.
type moment uint8

const (
	never moment = iota
	beforeConnect
	afterConnect
)

// An ending is how a connection ends when all turns are done.
type ending uint8

const (
	clientEnds   ending = iota // shutdown, then it hears the end
	serverEnds                 // the client hears the end
	clientResets               // without waiting for what it has not heard
	serverResets
)

// A turn is what the client sends before it waits, and what it waits for.
type turn struct {
	text     []byte
	heads    []head
	requests int
	calls    []call // that send text, all of it
	answers  []answer
	duplex   bool // another thread hears the answers while this one sends
	ends     bool // the client sends no more afterwards (shutdown), and then hears
}

// A head is where headers may be added: behind a request line.
type head struct {
	at  int      // offset in the turn's text
	own []string // headers of the trace context that the request has itself
	// It is no request of the connection, but nobody can tell who did not see
	// its beginning: it is in a tunnel, or another protocol has gone before.
	late bool
}

// An answer is sent when so many bytes of the turn's text have come.
type answer struct {
	after  int
	text   []byte
	pieces []int // sizes of its first pieces, with a pause behind each
	atEnd  bool  // only when the client has said that it sends no more
}

// A way is how a call sends.
type way uint8

const (
	waySend way = iota
	wayWrite
	wayWritev
	waySendmsg
	waySendmmsg
	wayMore // MSG_MORE
	waySendfile
	waySplice
	wayZerocopy // MSG_ZEROCOPY
	wayUrgent   // MSG_OOB
)

// A call sends the next n bytes of a turn, in one call to the kernel unless that
// takes less.
type call struct {
	way   way
	n     int
	parts []int // sizes of vector elements or messages; the rest is the last one
	from  int   // sendfile: where the bytes stand in the pool
}

// A hearing is how the client receives.
type hearing uint8

const (
	hearRecv hearing = iota
	hearRead
	hearReadv
	hearPeek // MSG_PEEK first
	hearAll  // MSG_WAITALL
	hearPoll // poll, then MSG_DONTWAIT
	hearTold // poll, then as much as FIONREAD tells of
	hearings
)

// add appends text that is no request.
func (t *turn) add(text []byte) *turn {
	t.text = append(t.text, text...)
	return t
}

// ask appends a request, whose first line may have headers put behind it: those
// that own does not name, and none if own says a trace context in a format that is chosen.
func (t *turn) ask(text []byte, own ...string) *turn {
	for i, b := range text {
		if b == '\n' && i > 2 { // not an empty line in front
			t.heads = append(t.heads, head{at: len(t.text) + i + 1, own: own})
			break
		}
	}
	t.requests++
	return t.add(text)
}

// lure appends a request that is none, see head.late.
func (t *turn) lure(text []byte) *turn {
	t.ask(text)
	t.heads[len(t.heads)-1].late = true
	return t
}

// oddly appends what may look like a request, and must be left alone.
func (t *turn) oddly(text []byte) *turn {
	t.requests++
	return t.add(text)
}

// by appends a call that sends the next n bytes.
func (t *turn) by(w way, n int, parts ...int) *turn {
	t.calls = append(t.calls, call{way: w, n: n, parts: parts})
	return t
}

// byRest sends what no call sends yet in one.
func (t *turn) byRest(w way, parts ...int) *turn {
	if n := len(t.text) - t.called(); n > 0 {
		t.by(w, n, parts...)
	}
	return t
}

// called is how many bytes the calls send so far.
func (t *turn) called() (n int) {
	for _, c := range t.calls {
		n += c.n
	}
	return n
}

// hear appends an answer to all of the text so far.
func (t *turn) hear(text []byte, pieces ...int) *turn {
	t.answers = append(t.answers, answer{after: len(t.text), text: text, pieces: pieces})
	return t
}

// A maker makes plans of one seed. The pool holds the bodies.
type maker struct {
	seed uint64
	pool []byte
}

// poolSize is more than the largest body.
const poolSize = 5 << 20

func newMaker(seed uint64) *maker {
	m := &maker{seed: seed, pool: make([]byte, 0, poolSize+4096)}
	r := rand.New(rand.NewPCG(seed, 1<<40))
	for len(m.pool) < poolSize {
		m.pool = append(m.pool, lures[r.IntN(len(lures))]...)
		for range r.IntN(40) {
			m.pool = append(m.pool, byte(r.Uint32()))
		}
	}
	return m
}

// lures are what bodies are made of, beside chance.
var lures = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "\r\n", "\r\n\r\n", "0\r\n\r\n", "\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", " HTTP/1.1\r\n", "CONNECT x:443 HTTP/1.1\r\n\r\n",
	"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", "5\r\nhello\r\n", "\n", "\x16\x03\x01\x02\x00\x01",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "Transfer-Encoding: chunked\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
}

// kindOf is the kind of a stream: they take turns.
func kindOf(id uint32) kind {
	all := kinds()
	return all[int(id)%len(all)]
}

// plan makes the plan of a connection.
func (m *maker) plan(id uint32) plan {
	k := kindOf(id)
	d := &dice{Rand: rand.New(rand.NewPCG(m.seed, uint64(id))), pool: m.pool}
	p := k.make(d)
	p.kind = k.name
	if p.turn == nil {
		p.turn = func(int) *turn { return &turn{} }
	}
	make := p.turn
	p.turn = func(i int) *turn { return make(i).byRest(waySend) }
	return p
}
