package http1

import "bytes"

// chunk is where a chunked body stands (RFC 9112 section 7.1).
type chunk uint8

const (
	chunkSize      chunk = iota // in the digits of a chunk's size
	chunkExtension              // in the rest of that line
	chunkData                   // left bytes to come
	chunkEnd                    // at the line end after the data
	trailerStart                // at the beginning of a trailer line
	trailerLine                 // within one
)

// chunked follows a chunked body.
type chunked struct {
	at     chunk
	digits int
	left   uint64 // of the chunk's data
	size   uint64 // of the body so far
}

type progress uint8

const (
	more   progress = iota // all consumed, the body goes on
	done                   // the body has ended
	broken                 // not a chunked body
)

// feed consumes bytes up to the body's end.
func (c *chunked) feed(b []byte) (consumed int, p progress) {
	i := 0
	for i < len(b) {
		switch c.at {
		case chunkSize:
			v, ok := hexDigit(b[i])
			if ok {
				if c.digits++; c.digits > 15 {
					return i, broken
				}
				c.left = c.left<<4 | uint64(v)
				i++
				continue
			}
			if c.digits == 0 {
				return i, broken
			}
			switch b[i] {
			case ';', ' ', '\t', '\r', '\n':
				c.at = chunkExtension
			default:
				return i, broken
			}
		case chunkExtension:
			end := bytes.IndexByte(b[i:], '\n')
			if end < 0 {
				return len(b), more
			}
			i += end + 1
			c.at = chunkData
			if c.left == 0 {
				c.at = trailerStart
			}
		case chunkData:
			n := min(c.left, uint64(len(b)-i))
			c.take(n)
			i += int(n)
		case chunkEnd:
			switch b[i] {
			case '\r':
			case '\n':
				c.at, c.digits, c.left = chunkSize, 0, 0
			default:
				return i, broken
			}
			i++
		case trailerStart:
			switch b[i] {
			case '\r':
			case '\n':
				return i + 1, done
			default:
				c.at = trailerLine
			}
			i++
		case trailerLine:
			end := bytes.IndexByte(b[i:], '\n')
			if end < 0 {
				return len(b), more
			}
			i += end + 1
			c.at = trailerStart
		}
	}
	return i, more
}

// skip takes n bytes unseen. It is false if they were not all data of one
// chunk: then nobody can say where the body stands.
func (c *chunked) skip(n uint64) bool {
	if c.at != chunkData || n > c.left {
		return false
	}
	c.take(n)
	return true
}

func (c *chunked) take(n uint64) {
	c.size += n
	if c.left -= n; c.left == 0 {
		c.at = chunkEnd
	}
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

// endsChunked reports whether the last bytes of a call are those of a chunked
// body without trailers: the last chunk and the empty line.
func endsChunked(tail []byte) bool {
	const end = "\r\n0\r\n\r\n"
	if len(tail) >= len(end) {
		return string(tail[len(tail)-len(end):]) == end
	}
	// A call may begin with the last chunk.
	n := len(tail)
	return n >= len("0\r\n\r\n") && string(tail) == end[len(end)-n:]
}
