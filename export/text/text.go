// Package text makes strings that others wrote fit to be printed: nothing in them moves the cursor, colours the
// terminal, breaks a line or takes more columns than it seems to.
package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// maxMarks is how many combining marks may follow each other; scripts in use need no more, and stacks of them
// cover the lines around.
const maxMarks = 4

// Clean returns s with everything escaped that is not a printable character or a plain space: control characters,
// terminal escapes, line breaks, invisible and direction-changing characters, bytes that are no UTF-8.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	marks := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			escape(&b, `\x`, uint64(s[0]), 2)
			marks = 0
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks {
				escapeRune(&b, r)
			} else {
				b.WriteRune(r)
			}
		case unicode.IsPrint(r):
			b.WriteRune(r)
			marks = 0
		default:
			escapeRune(&b, r)
			marks = 0
		}
		s = s[size:]
	}
	return b.String()
}

// Field is Clean for a column of a table with spaces between its columns: it holds no space and is never empty.
func Field(s string) string {
	if s == "" {
		return "-"
	}
	return strings.ReplaceAll(Clean(s), " ", `\x20`)
}

// plain is true when s is printable ASCII throughout, as nearly everything is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escapeRune(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < 0x80:
		escape(b, `\x`, uint64(r), 2)
	case r <= 0xffff:
		escape(b, `\u`, uint64(r), 4)
	default:
		escape(b, `\U`, uint64(r), 8)
	}
}

// escape writes v in hexadecimal with the given number of digits.
func escape(b *strings.Builder, prefix string, v uint64, digits int) {
	b.WriteString(prefix)
	hex := strconv.FormatUint(v, 16)
	for range digits - len(hex) {
		b.WriteByte('0')
	}
	b.WriteString(hex)
}

// Width is how many columns a terminal needs for s, which Clean has seen.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300, r >= 0x2190 && r <= 0x22ff, r >= 0x2500 && r <= 0x25ff && r != 0x25fd && r != 0x25fe:
		return 1 // Latin; arrows; what trees and bars are drawn with
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Head is the longest beginning of s that fits into that many columns.
func Head(s string, columns int) string {
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > columns {
			return s[:i]
		}
	}
	return s
}
