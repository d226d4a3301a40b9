package nethttp

import "github.com/throughline/throughline/correlate/httpspan"

// maxMethod bounds the name of a method in bytes.
const maxMethod = 32

// text is text that was made of bytes; the next ones are often the same.
type text struct {
	raw, made string
}

func (t *text) of(b []byte, make func(string) string) string {
	if t.made == "" || string(b) != t.raw {
		t.raw = string(b)
		t.made = make(t.raw)
	}
	return t.made
}

func hostText(host string) string { return host }

// pathText writes a path as it stands in a URL: net/http keeps it decoded. Which
// of the characters that need no escape were sent escaped is not known any more.
func pathText(path string) string {
	if path == "" {
		return "/"
	}
	escapes := 0
	for i := range len(path) {
		if !plain(path[i]) {
			escapes++
		}
	}
	rooted := path[0] == '/' || path == "*"
	if rooted && escapes == 0 && len(path) <= httpspan.MaxPath {
		return path
	}
	b := make([]byte, 0, len(path)+2*escapes+1)
	if !rooted {
		b = append(b, '/')
	}
	for i := range len(path) {
		if c := path[i]; plain(c) {
			b = append(b, c)
		} else {
			const hex = "0123456789ABCDEF"
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
		if len(b) > httpspan.MaxPath {
			return string(whole(b[:httpspan.MaxPath]))
		}
	}
	return string(b)
}

// whole cuts off an escape that is not whole.
func whole(b []byte) []byte {
	for n := 1; n <= 2; n++ {
		if b[len(b)-n] == '%' {
			return b[:len(b)-n]
		}
	}
	return b
}

// plain reports whether a byte may stand in a path as it is (RFC 3986 section
// 3.3).
func plain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '/', '-', '.', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@':
		return true
	}
	return false
}
