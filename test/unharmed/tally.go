package main

import (
	"errors"
	"fmt"
	"sync"
)

// A tally is what one side counted, by kind.
type tally struct {
	mu     sync.Mutex
	Kinds  map[string]*counts
	Faults []fault
}

// counts are of one kind of stream.
type counts struct {
	Streams  int
	Requests int
	Sent     int // bytes
	Heard    int // bytes of the other side's
	Headers  int // that were added
	Blocks   int // requests that got some
	Extra    int // bytes of them
	Again    int // blocked receives that ended with EAGAIN
	Untold   int // bytes there, and FIONREAD says that none are
	Notices  int // notifications of MSG_ZEROCOPY with numbers of no call
}

// A fault is a stream that did not go as it should.
type fault struct {
	Stream uint32
	Kind   string
	What   verdict
	Text   string
}

// A verdict is what can be wrong with a stream.
type verdict string

const (
	different verdict = "different"
	hung      verdict = "hung"
	failed    verdict = "failed"
)

// A breach is an error with its verdict.
type breach struct {
	what verdict
	text string
}

func (b *breach) Error() string { return string(b.what) + ": " + b.text }

func breaches(what verdict, format string, args ...any) error {
	return &breach{what, fmt.Sprintf(format, args...)}
}

// faultsMax is how many faults one side keeps.
const faultsMax = 1000

func newTally() *tally { return &tally{Kinds: map[string]*counts{}} }

// add adds one stream's counts.
func (t *tally) add(kind string, c counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.Kinds[kind]
	if k == nil {
		k = &counts{}
		t.Kinds[kind] = k
	}
	k.add(c)
}

func (c *counts) add(o counts) {
	c.Streams += o.Streams
	c.Requests += o.Requests
	c.Sent += o.Sent
	c.Heard += o.Heard
	c.Headers += o.Headers
	c.Blocks += o.Blocks
	c.Extra += o.Extra
	c.Again += o.Again
	c.Notices += o.Notices
	c.Untold += o.Untold
}

// blame notes what was wrong with a stream.
func (t *tally) blame(stream uint32, kind string, side string, err error) {
	f := fault{Stream: stream, Kind: kind, What: failed, Text: side + ": " + err.Error()}
	if b := (*breach)(nil); errors.As(err, &b) {
		f.What, f.Text = b.what, side+": "+b.text
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.Faults) < faultsMax {
		t.Faults = append(t.Faults, f)
	}
}

func (t *tally) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.Faults) >= faultsMax
}
