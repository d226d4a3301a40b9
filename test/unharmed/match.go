package main

import (
	"bytes"
	"fmt"
	"slices"
)

// A match compares what arrives with a turn's text, as it arrives. At the places
// where headers may stand it passes over a block of them, each name once and none
// that the request has itself.
type match struct {
	text  []byte
	heads []head // ahead
	may   []header

	at     int      // bytes of text that have come
	put    []string // names in the block that may go on at this place
	held   []byte   // may become a header
	added  int      // headers
	blocks int
	extra  int // bytes of headers
}

// newMatch makes a match. joined: the agent may have come when the connection was
// open.
func newMatch(t *turn, may []header, joined bool) *match {
	m := &match{text: t.text, may: may}
	for _, h := range t.heads {
		if joined || !h.late {
			m.heads = append(m.heads, h)
		}
	}
	return m
}

// done tells whether all of the text has come.
func (m *match) done() bool { return m.at == len(m.text) && len(m.held) == 0 }

// take compares the next bytes and returns those behind the text.
func (m *match) take(in []byte) (rest []byte, err error) {
	if len(m.held) > 0 {
		in = append(m.held, in...)
		m.held = nil
	}
	for len(in) > 0 && m.at < len(m.text) {
		n := len(m.text) - m.at
		if len(m.heads) > 0 {
			n = m.heads[0].at - m.at
		}
		if n == 0 {
			if in = m.takeHeader(in); len(m.held) > 0 {
				return nil, nil
			}
			continue
		}
		n = min(n, len(in))
		if !bytes.Equal(in[:n], m.text[m.at:m.at+n]) {
			return nil, m.differs(in)
		}
		m.at += n
		in = in[n:]
	}
	return in, nil
}

// takeHeader passes over a header at the next place for one, or leaves the place
// behind; bytes that are too few to tell are held.
func (m *match) takeHeader(in []byte) []byte {
	place := m.heads[0]
	if !standsDown(place.own, m.may) {
		possible, name, length := begins(in, m.may)
		if possible && name == "" {
			m.held = bytes.Clone(in)
			return nil
		}
		if name != "" && !slices.Contains(m.put, name) && !slices.Contains(place.own, name) {
			if len(m.put) == 0 {
				m.blocks++
			}
			m.put = append(m.put, name)
			m.added++
			m.extra += length
			return in[length:]
		}
	}
	m.heads, m.put = m.heads[1:], nil
	return in
}

// finish is called when nothing more can come.
func (m *match) finish() error {
	held := m.held
	m.held, m.may = nil, nil
	if len(held) > 0 {
		if _, err := m.take(held); err != nil {
			return err
		}
	}
	if m.at < len(m.text) {
		return fmt.Errorf("the end comes behind byte %d of %d", m.at, len(m.text))
	}
	return nil
}

func (m *match) differs(in []byte) error {
	want := m.text[m.at:]
	n := 0
	for n < min(len(in), len(want)) && in[n] == want[n] {
		n++
	}
	at := m.at + n
	return fmt.Errorf("byte %d of %d differs: %q arrives for %q, behind %q", at, len(m.text), clip(in[n:]), clip(want[n:]),
		m.text[max(0, at-40):at])
}

func clip(b []byte) []byte { return b[:min(len(b), 100)] }
