package http1

import (
	"bytes"

	"github.com/throughline/throughline/internal/propagation"
)

// framing is how the length of a message's body is told (RFC 9112 section 6.3).
type framing uint8

const (
	framingNone    framing = iota // no body
	framingLength                 // Content-Length
	framingChunked                // Transfer-Encoding ends in chunked
	framingClose                  // until the connection closes
	framingUnknown                // contradictory, or the head is incomplete
)

// fields are the header fields that matter here. Byte slices are views into
// the head.
type fields struct {
	matcher   propagation.Matcher // of the fields in context
	host      []byte
	hosts     int
	context   []propagation.Value // that carry trace context, in order
	length    uint64              // of Content-Length
	hasLength bool
	badLength bool // not a number, or several that differ
	hasCoding bool // a Transfer-Encoding was seen
	chunked   bool // and chunked is its last coding
	count     int
	tooMany   bool
	headers   headers  // that are asked for
	taken     []header // of those, in order
}

// field names the last field, for a line that continues it (obs-fold).
type field uint8

const (
	fieldOther field = iota
	fieldHost
	fieldLength
	fieldCoding
	fieldContext
)

// headEnd returns the length of the head that b begins with, with its empty
// line, or -1. No line that ends before from is looked at. A line may end in a
// bare LF (RFC 9112 section 2.2).
func headEnd(b []byte, from int) int {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		if from < len(b) && b[from] == '\n' {
			return from + 1
		}
		if from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n' {
			return from + 2
		}
	}
}

// nextLine cuts the first line off b. whole is false if b holds no line end.
func nextLine(b []byte) (line, rest []byte, whole bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil, false
	}
	line = b[:i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, b[i+1:], true
}

// parse reads the field lines of a head and returns how long they are with the
// empty line that ends them, or -1 if there is none. Only whole lines count.
func (f *fields) parse(b []byte) int {
	last, taken := fieldOther, false
	for at := 0; at < len(b); {
		line, rest, whole := nextLine(b[at:])
		if !whole {
			return -1
		}
		at = len(b) - len(rest)
		if len(line) == 0 {
			return at
		}
		if f.count++; f.count > maxFields {
			f.tooMany = true
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			f.fold(last, trim(line))
			if taken {
				f.headerFold(trim(line))
			}
			continue
		}
		last = f.line(line)
		taken = f.headers != nil && f.header(line)
	}
	return -1
}

// line reads one field line, which is not empty, and returns which it was.
func (f *fields) line(line []byte) field {
	switch line[0] | 0x20 {
	case 'c', 'h', 't', 'b', 'j', 'u', 'x': // with which a name begins that matters
	default:
		return fieldOther
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return fieldOther
	}
	name, value := trimLine(line[:colon]), line[colon+1:]
	switch len(name) {
	case len("host"):
		if equalFold(name, "host") {
			f.host = trim(value)
			f.hosts++
			return fieldHost
		}
	case len("content-length"):
		if equalFold(name, "content-length") {
			f.addLength(trim(value))
			return fieldLength
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			f.addCoding(trim(value))
			return fieldCoding
		}
	}
	if which := f.matcher.Field(name); which != 0 {
		f.context = append(f.context, propagation.Value{Field: which, Text: trim(value)})
		return fieldContext
	}
	return fieldOther
}

// fold takes a line that continues a field (RFC 9112 section 5.2).
func (f *fields) fold(of field, value []byte) {
	switch of {
	case fieldHost:
		f.hosts++ // no host is written over two lines
	case fieldLength:
		f.addLength(value)
	case fieldCoding:
		f.addCoding(value)
	case fieldContext: // spoilt: the kernel's scanner stops at the line's end
		last := &f.context[len(f.context)-1]
		last.Text = nil
		f.context = append(f.context, *last)
	}
}

// addLength takes a Content-Length. A list of equal values counts as one (RFC
// 9110 section 8.6).
func (f *fields) addLength(value []byte) {
	for {
		item, rest, more := bytes.Cut(value, []byte{','})
		n, ok := parseDecimal(trim(item))
		if !ok || f.hasLength && n != f.length {
			f.badLength = true
		}
		f.length, f.hasLength = n, true
		if !more {
			return
		}
		value = rest
	}
}

// addCoding takes a Transfer-Encoding; only whether the last coding is chunked
// matters (RFC 9112 section 6.3).
func (f *fields) addCoding(value []byte) {
	f.hasCoding = true
	for {
		item, rest, more := bytes.Cut(value, []byte{','})
		if item = trim(item); len(item) > 0 {
			f.chunked = equalFold(item, "chunked")
		}
		if !more {
			return
		}
		value = rest
	}
}

// framing applies RFC 9112 section 6.3, rules 3 to 8. minor is the minor
// version: HTTP/1.0 knows no transfer codings (section 6.1).
func (f *fields) framing(response bool, minor byte) framing {
	otherwise := framingUnknown
	if response {
		otherwise = framingClose
	}
	switch {
	case f.tooMany:
		return framingUnknown
	case f.hasCoding && (minor == 0 || !f.chunked):
		return otherwise
	case f.hasCoding:
		return framingChunked
	case f.badLength:
		return otherwise
	case f.hasLength && f.length == 0:
		return framingNone
	case f.hasLength:
		return framingLength
	case response:
		return framingClose
	}
	return framingNone
}

// parseDecimal reads 1*DIGIT.
func parseDecimal(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// trim drops the optional white space around a value.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return trimLine(b)
}

// equalFold compares with a name in lower case whose bytes are letters and
// hyphens.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != name[i] {
			return false
		}
	}
	return true
}
