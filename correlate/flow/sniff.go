package flow

import (
	"bytes"

	"github.com/throughline/throughline/bpf/abi"
)

// maxSniffed bounds what is kept of a turn that no protocol knows yet.
const maxSniffed = 4096

// sniffer is the state of a connection whose protocol is not known.
type sniffer struct {
	turns  int     // turns judged in vain
	chunks []Chunk // of the turn being judged, with data of their own
	turn   []byte  // their data joined
	failed bool    // the turn is none of the protocols'
	cut    bool    // the turn cannot be judged any more
}

// buffered returns the bytes held, 0 for a nil sniffer.
func (s *sniffer) buffered() int {
	if s == nil {
		return 0
	}
	return 2 * len(s.turn)
}

func (s *sniffer) forget() {
	s.chunks, s.turn = nil, nil
}

// sniff asks each protocol about the turn so far and, once one says Yes, gives
// it the turn and the connection.
func (c *connection) sniff(k *Chunk) {
	s := c.sniffer
	if s == nil {
		s = new(sniffer)
		c.sniffer = s
	}
	before := s.buffered()
	if k.Flags&abi.FlagTurn != 0 || k.Flags&abi.FlagRequestStart != 0 || len(s.chunks) > 0 && s.chunks[0].Direction != k.Direction {
		if len(s.chunks) > 0 {
			s.turns++
		}
		s.forget()
		s.failed, s.cut = false, false
	}
	if len(k.Data) > 0 && !s.failed && !s.cut && c.judge(s, k) {
		c.sniffer = nil
		c.a.stats.Buffered -= before
		return
	}
	c.a.stats.Buffered += s.buffered() - before
	if s.turns >= c.a.options.SniffTurns {
		c.a.stats.LeftAlone++
		c.leaveAlone()
	}
}

// judge reports whether a parser has taken the connection over.
func (c *connection) judge(s *sniffer, k *Chunk) bool {
	turn := k.Data
	if len(s.turn) > 0 {
		if len(s.turn)+len(k.Data) > maxSniffed {
			s.fail()
			return false
		}
		turn = append(s.turn, k.Data...)
		s.turn = turn
	}
	maybe := false
	for _, p := range c.a.protocols {
		switch p.Sniff(k.Direction, turn) {
		case Yes:
			c.take(p, s.chunks, k)
			return true
		case Maybe:
			maybe = true
		}
	}
	if !maybe || len(turn) > maxSniffed {
		s.fail()
		return false
	}
	kept := *k
	kept.Data = bytes.Clone(k.Data)
	s.chunks = append(s.chunks, kept)
	if len(s.turn) == 0 {
		s.turn = bytes.Clone(k.Data)
	}
	return false
}

func (s *sniffer) fail() {
	s.failed = true
	s.turns++
	s.forget()
}

// take makes the parser and feeds it the turn that it said Yes to.
func (c *connection) take(p Protocol, before []Chunk, k *Chunk) {
	c.parser = p.New(c)
	for i := range before {
		c.parser.Feed(&before[i])
	}
	c.parser.Feed(k)
	c.review(k.Time)
}

// interruptSniffing gives up the turn being judged: some of its bytes, or of
// the other direction's, are missing.
func (c *connection) interruptSniffing() {
	s := c.sniffer
	if s == nil || c.alone {
		return
	}
	c.a.stats.Buffered -= s.buffered()
	if len(s.chunks) > 0 {
		s.turns++
	}
	s.forget()
	s.cut = true
}
