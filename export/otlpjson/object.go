package otlpjson

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// object is a JSON object being appended to a buffer.
type object struct {
	b     []byte
	after bool // a member has been written
}

func (o *object) close() []byte { return append(o.b, '}') }

func (o *object) key(name string) {
	if o.after {
		o.b = append(o.b, ',')
	}
	o.after = true
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) string(name, value string) {
	if value != "" {
		o.key(name)
		o.b = appendString(o.b, value)
	}
}

// hex writes an id, unless it is empty.
func (o *object) hex(name string, id []byte) {
	if len(id) > 0 {
		o.key(name)
		o.b = append(o.b, '"')
		o.b = hex.AppendEncode(o.b, id)
		o.b = append(o.b, '"')
	}
}

func (o *object) base64(name string, value []byte) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = base64.StdEncoding.AppendEncode(o.b, value)
	o.b = append(o.b, '"')
}

// number writes an integer of 32 bits or an enum, unless it is zero.
func (o *object) number(name string, value uint64) {
	if value != 0 {
		o.key(name)
		o.b = strconv.AppendUint(o.b, value, 10)
	}
}

// quoted writes an integer of 64 bits, which JSON's numbers cannot hold, unless it is zero.
func (o *object) quoted(name string, value uint64) {
	if value != 0 {
		o.key(name)
		o.b = append(o.b, '"')
		o.b = strconv.AppendUint(o.b, value, 10)
		o.b = append(o.b, '"')
	}
}

func (o *object) int(name string, value int64) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = strconv.AppendInt(o.b, value, 10)
	o.b = append(o.b, '"')
}

func (o *object) bool(name string, value bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, value)
}

func (o *object) double(name string, value float64) {
	o.key(name)
	switch {
	case math.IsNaN(value):
		o.b = append(o.b, `"NaN"`...)
	case math.IsInf(value, 1):
		o.b = append(o.b, `"Infinity"`...)
	case math.IsInf(value, -1):
		o.b = append(o.b, `"-Infinity"`...)
	default:
		o.b = strconv.AppendFloat(o.b, value, 'g', -1, 64)
	}
}

// object writes a member that is an object.
func (o *object) object(name string, members func(*object)) {
	o.key(name)
	inner := object{b: append(o.b, '{')}
	members(&inner)
	o.b = inner.close()
}

// list writes a member that is a list of objects, unless it is empty.
func list[T any](o *object, name string, values []T, members func(*object, T)) {
	if len(values) == 0 {
		return
	}
	o.key(name)
	o.b = append(o.b, '[')
	for i, value := range values {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		inner := object{b: append(o.b, '{')}
		members(&inner, value)
		o.b = inner.close()
	}
	o.b = append(o.b, ']')
}

// appendString appends a JSON string. What is not printable is escaped, since the line may end up on a terminal, and
// bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c <= '~' {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		default:
			b = appendUnit(b, r)
		}
		i += size
	}
	return append(b, '"')
}

// appendUnit appends the escape of one UTF-16 code unit.
func appendUnit(b []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
