package otlpwire

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The functions of this file append one field to b, as protowire does, and leave out those with the default of their
// type, as Protobuf does outside of a oneof.

// appendTag is protowire's, which takes no notice of nearly all numbers being below 16: then it is one byte.
func appendTag(b []byte, field protowire.Number, kind protowire.Type) []byte {
	if field < 16 {
		return append(b, byte(field)<<3|byte(kind))
	}
	return protowire.AppendTag(b, field, kind)
}

// appendLength appends the length of what follows, which fits in one byte for nearly all.
func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return protowire.AppendVarint(b, uint64(n))
}

// begin begins a field that is a message: its tag, and one byte for its length. It also returns where the message's
// content begins, for end.
func begin(b []byte, field protowire.Number) (_ []byte, start int) {
	b = append(appendTag(b, field, protowire.BytesType), 0)
	return b, len(b)
}

// end ends the message whose content begins at start, and makes room for its length if that takes more than a byte.
func end(b []byte, start int) []byte {
	size := len(b) - start
	if size < 0x80 {
		b[start-1] = byte(size)
		return b
	}
	more := protowire.SizeVarint(uint64(size)) - 1
	for range more {
		b = append(b, 0)
	}
	copy(b[start+more:], b[start:start+size])
	protowire.AppendVarint(b[:start-1], uint64(size))
	return b
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return appendTextAlways(b, field, s)
}

// appendTextAlways puts U+FFFD in the place of bytes that are no UTF-8. Paths are whatever bytes a peer sent, and a
// collector refuses the whole batch for one wrong byte.
func appendTextAlways(b []byte, field protowire.Number, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = appendLength(appendTag(b, field, protowire.BytesType), len(s))
	return append(b, s...)
}

func appendBytesAlways(b []byte, field protowire.Number, v []byte) []byte {
	b = appendLength(appendTag(b, field, protowire.BytesType), len(v))
	return append(b, v...)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarintAlways(b, field, v)
}

func appendVarintAlways(b []byte, field protowire.Number, v uint64) []byte {
	b = appendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendFixed32(b []byte, field protowire.Number, v uint32) []byte {
	if v == 0 {
		return b
	}
	b = appendTag(b, field, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, v)
}

func appendFixed64(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendFixed64Always(b, field, v)
}

func appendFixed64Always(b []byte, field protowire.Number, v uint64) []byte {
	b = appendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, v)
}

// ascii is true if no byte has its highest bit set.
func ascii(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
