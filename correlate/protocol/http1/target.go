package http1

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// target is a request-target taken apart (RFC 9112 section 3.2), as views. It
// holds neither query nor user information.
type target struct {
	path      []byte // nil in authority-form
	authority []byte // empty in origin-form and asterisk-form
	https     bool   // an absolute-form of that scheme
}

func parseTarget(b []byte, connect bool) target {
	if connect {
		return target{authority: dropUser(b)}
	}
	if b[0] == '/' || b[0] == '*' {
		return target{path: dropQuery(b)}
	}
	scheme, rest, ok := bytes.Cut(b, []byte("://"))
	if !ok || bytes.IndexByte(scheme, '?') >= 0 || bytes.IndexByte(scheme, '/') >= 0 {
		return target{path: dropQuery(b)}
	}
	t := target{path: []byte("/"), https: equalFold(scheme, "https")}
	end := bytes.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	} else if rest[end] == '/' {
		t.path = dropQuery(rest[end:])
	}
	t.authority = dropUser(rest[:end])
	return t
}

func dropQuery(b []byte) []byte {
	if i := bytes.IndexByte(b, '?'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '#'); i >= 0 {
		b = b[:i]
	}
	return b
}

func dropUser(b []byte) []byte {
	return b[bytes.LastIndexByte(b, '@')+1:]
}

// splitAuthority separates host and port (RFC 3986 section 3.2). port is 0 if
// there is none. ok is false for what cannot be an authority.
func splitAuthority(b []byte) (host []byte, port int, ok bool) {
	if len(b) == 0 || len(b) > maxHost {
		return nil, 0, false
	}
	host = b
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i:], ']') < 0 {
		if n, digits := parseDecimal(b[i+1:]); digits && n <= 65535 {
			port = int(n)
		} else if i+1 != len(b) {
			return nil, 0, false
		}
		host = b[:i]
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
		if bytes.IndexByte(host, ':') < 0 {
			return nil, 0, false
		}
	} else if bytes.IndexByte(host, ':') >= 0 {
		return nil, 0, false
	}
	for _, c := range host {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == ':' || c == '%') {
			return nil, 0, false
		}
	}
	return host, port, len(host) > 0
}

// cleanText makes bounded, printable, valid UTF-8 of bytes from the network.
func cleanText(b []byte, limit int) string {
	cut := len(b) > limit
	if cut {
		b = b[:limit]
	}
	plain := true
	for _, c := range b {
		if c < 0x20 || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return string(b)
	}
	if cut { // not in the middle of a character
		for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
			if utf8.RuneStart(b[len(b)-n]) {
				if !utf8.FullRune(b[len(b)-n:]) {
					b = b[:len(b)-n]
				}
				break
			}
		}
	}
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(string(b), "\uFFFD"))
	for len(clean) > limit { // a replacement is longer than what it replaces
		_, size := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-size]
	}
	return clean
}
