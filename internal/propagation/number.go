package propagation

import "encoding/binary"

// hexNumber cuts lower-case hexadecimal digits off text, 1 to 32 of them. low and high are
// the halves of their number; digits is 0 if there are none or more.
func hexNumber(text []byte) (high, low uint64, digits int, rest []byte) {
	for digits < len(text) {
		d := hexDigit(text[digits])
		if d > 15 {
			break
		}
		if digits++; digits > 32 {
			return 0, 0, 0, text
		}
		high, low = high<<4|low>>60, low<<4|uint64(d)
	}
	return high, low, digits, text[digits:]
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// decimalNumber reads text of 1 to 20 decimal digits and 64 bits.
func decimalNumber(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// spanNumber reads text of 16 hexadecimal digits.
func spanNumber(text []byte) (n uint64, ok bool) {
	_, n, digits, rest := hexNumber(text)
	return n, digits == 16 && len(rest) == 0
}

// cut returns text without the delimiter that it begins with.
func cut(text []byte, delimiter byte) ([]byte, bool) {
	if len(text) == 0 || text[0] != delimiter {
		return text, false
	}
	return text[1:], true
}

func (r *Remote) setTrace(high, low uint64) {
	binary.BigEndian.PutUint64(r.TraceID[:8], high)
	binary.BigEndian.PutUint64(r.TraceID[8:], low)
}

func (r *Remote) setSpan(id uint64) { binary.BigEndian.PutUint64(r.SpanID[:], id) }
