// Package secret finds, by shape alone, what must not leave a host in the text of a span: credentials, tokens, e-mail
// addresses, numbers of cards and accounts. UUIDs, numbers, ULIDs and hexadecimal hashes are no secrets: they are what
// paths are made of.
//
// Text is read once. A run of characters that may be part of a token is looked at again only if it is long and not
// plainly a word, a number or a hash.
package secret

import "strings"

// Mark stands for each secret, as the semantic conventions write it (attribute url.full).
const Mark = "REDACTED"

// shortest is the least length in bytes of text with a secret in it: "a:b@c".
const shortest = 5

// Mask returns s with Mark for each secret in it and without the queries of URLs. It returns s itself, and allocates
// nothing, if there are none.
func Mask(s string) string {
	if len(s) < shortest {
		return s
	}
	m := masker{s: s, query: -1}
	for i := 0; i < len(s); {
		if m.query >= 0 && i >= m.query {
			m.cut() // and read it: what follows may be the value of what it ends with
		}
		switch class := classes[s[i]]; {
		case class&inRun != 0:
			i = m.run(i)
		case class&trigger != 0:
			i = m.trigger(i)
		default:
			i++
		}
	}
	if m.query >= 0 {
		m.cut()
	}
	return m.text()
}

// In tells whether Mask would change s.
func In(s string) bool { return Mask(s) != s }

// masker is one reading of a text.
type masker struct {
	s    string
	out  []byte // what is written of it, once something was replaced
	done int    // s[:done] is in out

	query, end int // where the query of the last URL begins, < 0 if it has none, and where the URL ends
}

// replace puts with in place of s[from:to]. What was replaced before stays so.
func (m *masker) replace(from, to int, with string) {
	if from = max(from, m.done); to <= from {
		return
	}
	if m.out == nil {
		m.out = make([]byte, 0, len(m.s)+len(with))
	}
	m.out = append(m.out, m.s[m.done:from]...)
	m.out = append(m.out, with...)
	m.done = to
}

func (m *masker) mask(from, to int) { m.replace(from, to, Mark) }

// cut takes out the query of a URL.
func (m *masker) cut() {
	m.replace(m.query, m.end, "")
	m.query = -1
}

func (m *masker) text() string {
	if m.out == nil {
		return m.s
	}
	return string(append(m.out, m.s[m.done:]...))
}

// trigger looks at what a character outside of runs may be part of, and returns where to go on.
func (m *masker) trigger(i int) int {
	switch m.s[i] {
	case '@':
		return m.at(i, i+1)
	case ':':
		if strings.HasPrefix(m.s[i:], "://") {
			return m.url(i)
		}
		return m.assignment(i, true)
	case '=':
		return m.assignment(i, false)
	case '%':
		switch c, ok := escaped(m.s, i); {
		case !ok:
			return i + 1
		case c == '@':
			return m.at(i, i+3)
		case c == '=':
			return m.assignment(i+2, false)
		case strings.HasPrefix(m.s[i:], "%2540"): // escaped twice
			return m.at(i, i+5)
		}
		return i + 3
	}
	return i + 1
}

// class is what a byte may be.
type class uint8

const (
	digit class = 1 << iota
	hexLower
	hexUpper
	otherLower
	otherUpper
	joint // stands in tokens beside letters and digits
	inRun // may be part of a token
	trigger

	lower  = hexLower | otherLower
	upper  = hexUpper | otherUpper
	letter = lower | upper
	alnum  = letter | digit
)

var classes = func() (table [256]class) {
	for c := range 256 {
		switch b := byte(c); {
		case '0' <= b && b <= '9':
			table[c] = digit | inRun
		case 'a' <= b && b <= 'f':
			table[c] = hexLower | inRun
		case 'g' <= b && b <= 'z':
			table[c] = otherLower | inRun
		case 'A' <= b && b <= 'F':
			table[c] = hexUpper | inRun
		case 'G' <= b && b <= 'Z':
			table[c] = otherUpper | inRun
		case strings.IndexByte("-_.~+", b) >= 0:
			table[c] = joint | inRun
		case strings.IndexByte("@:=%", b) >= 0:
			table[c] = trigger
		}
	}
	return table
}()

func is(b byte, c class) bool { return classes[b]&c != 0 }

// escaped decodes the escape at i (RFC 3986 section 2.1).
func escaped(s string, i int) (b byte, ok bool) {
	if i+2 >= len(s) || s[i] != '%' {
		return 0, false
	}
	high, low := hexValue(s[i+1]), hexValue(s[i+2])
	return high<<4 | low, high < 16 && low < 16
}

func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
