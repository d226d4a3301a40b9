package main

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A client plays the client's part: it is what the agent traces. Everything is
// done by calls to the kernel on descriptors, so that nothing comes in between.
type client struct {
	maker    *maker
	port     int
	file     *os.File      // has the pool
	deadline time.Duration // of a turn
	tally    *tally
	watch    watch
	wanted   func(kind string) bool // nil: all

	next     atomic.Uint32 // stream
	requests atomic.Int64  // so far
}

// one plays one stream.
func (c *client) one(number uint32) {
	ended := make(chan struct{})
	defer close(ended)
	go c.watch.run(ended)
	c.play(number)
}

// run plays streams, so many at a time, until that many requests were sent, stop is
// closed, or so much is wrong that more of it helps nobody.
func (c *client) run(flight, requests int, stop <-chan struct{}) {
	ended := make(chan struct{})
	go c.watch.run(ended)
	var wait sync.WaitGroup
	for range flight {
		wait.Go(func() {
			for c.requests.Load() < int64(requests) && !c.tally.full() {
				select {
				case <-stop:
					return
				default:
				}
				number := c.next.Add(1) - 1
				if number >= streamsMax {
					return
				}
				if c.wanted == nil || c.wanted(kindOf(number).name) {
					c.play(number)
				}
			}
		})
	}
	wait.Wait()
	close(ended)
}

// play plays one stream.
func (c *client) play(number uint32) {
	p := c.maker.plan(number)
	x := &talker{client: c, plan: &p, number: number}
	if err := x.run(); err != nil {
		if x.overdue.Load() {
			err = breaches(hung, "%v", err)
		}
		c.tally.blame(number, p.kind, "client", err)
	}
	x.sum.Streams = 1
	c.requests.Add(int64(x.sum.Requests))
	c.tally.add(p.kind, x.sum)
}

// A talker is the client's side of one stream.
type talker struct {
	client  *client
	plan    *plan
	number  uint32
	fd      int
	sum     counts
	overdue atomic.Bool
	till    atomic.Int64 // when the turn is to be over, Unix ns
	ended   bool         // it sends no more
	buffer  []byte
	zero    zeroCounts
}

func (x *talker) run() (err error) {
	if x.fd, err = open(x.plan.socket); err != nil {
		return err
	}
	x.lastsTill(time.Now().Add(x.client.deadline))
	end := x.client.watch.add(x)
	defer func() { err = errors.Join(err, end()) }()
	if err := x.connect(); err != nil {
		return err
	}
	x.buffer = make([]byte, 16<<10)
	if err := x.hear(x.plan.greeted); err != nil {
		return err
	}
	for i := range x.plan.turns {
		t := x.plan.turn(i)
		x.lastsTill(time.Now().Add(x.client.deadline))
		if err := x.take(t); err != nil {
			return err
		}
		x.sum.Requests += t.requests
	}
	return x.finish()
}

func (x *talker) lastsTill(t time.Time) { x.till.Store(t.UnixNano()) }

// take plays one turn.
func (x *talker) take(t *turn) error {
	heard := make(chan error, 1)
	if t.duplex {
		go func() { heard <- x.hearAll(t) }()
	}
	if err := x.send(t); err != nil {
		return errors.Join(err, x.giveUp(t, heard))
	}
	if t.ends {
		if err := x.end(); err != nil {
			return errors.Join(err, x.giveUp(t, heard))
		}
	}
	if t.duplex {
		return <-heard
	}
	return x.hearAll(t)
}

// end says, once, that the client sends no more.
func (x *talker) end() error {
	if x.ended {
		return nil
	}
	x.ended = true
	return shutdown(x.fd)
}

// giveUp ends the other thread's wait, if there is one.
func (x *talker) giveUp(t *turn, heard <-chan error) error {
	if !t.duplex {
		return nil
	}
	disconnect(x.fd)
	return <-heard
}

func (x *talker) hearAll(t *turn) error {
	for _, a := range t.answers {
		if err := x.hear(a.text); err != nil {
			return err
		}
	}
	return nil
}

// send sends a turn by its calls.
func (x *talker) send(t *turn) error {
	at := 0
	for _, c := range t.calls {
		if err := x.call(c, t.text[at:at+c.n]); err != nil {
			return err
		}
		at += c.n
		x.sum.Sent += c.n
	}
	return nil
}

// finish ends the stream as planned.
func (x *talker) finish() error {
	if err := x.awaitZerocopy(); err != nil {
		return err
	}
	switch x.plan.ending {
	case clientResets:
		return resetOnClose(x.fd)
	case clientEnds:
		if err := x.end(); err != nil {
			return err
		}
	}
	n, err := x.receive(x.buffer)
	if x.plan.ending == serverResets && gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if n > 0 {
		return breaches(different, "%q arrives behind the last answer", clip(x.buffer[:n]))
	}
	if x.plan.ending == serverResets {
		return breaches(different, "an end arrives for a reset")
	}
	return nil
}

// hear compares what arrives with what is to.
func (x *talker) hear(want []byte) error {
	for at := 0; at < len(want); {
		room := x.buffer[:min(len(want)-at, len(x.buffer))]
		n, err := x.receive(room)
		if err != nil {
			return err
		}
		got := room[:n]
		if n == 0 {
			return breaches(different, "the answer ends behind byte %d of %d", at, len(want))
		}
		if string(got) != string(want[at:at+n]) {
			m := match{text: want, at: at}
			return breaches(different, "in the answer %v", m.differs(got))
		}
		at += n
		x.sum.Heard += n
	}
	return nil
}

// A watch ends streams whose turn takes too long, so that no thread is blocked for ever.
type watch struct {
	mu   sync.Mutex
	live map[*talker]bool
}

// add begins to watch a stream; end closes its socket.
func (w *watch) add(x *talker) (end func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live == nil {
		w.live = map[*talker]bool{}
	}
	w.live[x] = true
	return func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.live, x)
		return closeSocket(x.fd)
	}
}

// run looks after the streams until they have ended.
func (w *watch) run(ended <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		for x := range w.live {
			if time.Now().UnixNano() > x.till.Load() {
				x.overdue.Store(true)
				disconnect(x.fd)
			}
		}
		w.mu.Unlock()
	}
}
