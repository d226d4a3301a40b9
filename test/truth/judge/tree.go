package judge

import (
	"fmt"
	"strings"
)

// tree writes what was expected of a request beside what came of it.
func (j *judge) tree(q Request) string {
	var b strings.Builder
	for _, key := range q.Expect {
		level := 2 * depth(key.ID)
		if key.Side == Client {
			level--
		}
		fmt.Fprintf(&b, "%-34s parent %-24s", strings.Repeat("  ", level)+key.String(), j.wanted(q, key))
		switch list := j.spans[key]; len(list) {
		case 0:
			b.WriteString("  got no span\n")
		default:
			for i, s := range list {
				if i > 0 {
					fmt.Fprintf(&b, "%66s", "")
				}
				fmt.Fprintf(&b, "  got %s: %s\n", j.describe(s), j.span(q, s))
			}
		}
	}
	return b.String()
}

// wanted says which parent a span should have.
func (j *judge) wanted(q Request, key Key) string {
	p, traced := key.parent()
	switch {
	case !traced && q.Sent.none():
		return "none"
	case !traced:
		return "of the driver"
	case key.open() && mark(key.ID) == markNone:
		return "none"
	case key.open():
		return "none or " + p.String()
	}
	return p.String()
}

// describe says which parent a span has.
func (j *judge) describe(s Span) string {
	text := s.Context.String()
	if s.Parent == [8]byte{} {
		return text + ", no parent"
	}
	if p, ok := j.keys[s.up()]; ok {
		return text + ", parent " + p.String()
	}
	return fmt.Sprintf("%s, parent %x, of which there is no span", text, s.Parent)
}
