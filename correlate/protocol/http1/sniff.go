package http1

import (
	"bytes"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

// maxToken bounds a method name.
const maxToken = 32

// sniffRequest looks for a request line (RFC 9112 section 3). A method of RFC
// 9110 with the beginning of a fitting target is enough; any other method must
// show its whole line.
func sniffRequest(b []byte) flow.Verdict {
	b = skipEmptyLines(b)
	n := tokenLength(b)
	switch {
	case n == len(b) && n <= maxToken:
		return flow.Maybe
	case n == 0 || n > maxToken || b[n] != ' ':
		return flow.No
	}
	method, rest := b[:n], b[n+1:]
	if httpspan.Known(method) {
		if v := sniffTarget(rest, len(method) == len("CONNECT") && method[0] == 'C'); v != flow.Maybe {
			return v
		}
	}
	return sniffLine(b)
}

// sniffTarget judges the beginning of a request-target (RFC 9112 section 3.2).
// Maybe leaves the judgement to the whole line.
func sniffTarget(b []byte, connect bool) flow.Verdict {
	if len(b) == 0 {
		return flow.Maybe
	}
	if b[0] == '/' && !connect {
		return flow.Yes
	}
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(b) >= len(scheme) && bytes.EqualFold(b[:len(scheme)], []byte(scheme)) {
			return flow.Yes
		}
	}
	return flow.Maybe
}

// sniffLine judges by the whole first line, which must name HTTP/1.
func sniffLine(b []byte) flow.Verdict {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if len(b) > httpspan.MaxPath {
			return flow.No
		}
		return flow.Maybe
	}
	if _, ok := splitRequestLine(trimLine(b[:end])); ok {
		return flow.Yes
	}
	return flow.No
}

// sniffResponse looks for a status line (RFC 9112 section 4).
func sniffResponse(b []byte) flow.Verdict {
	const version = "HTTP/1."
	n := min(len(b), len(version))
	switch {
	case string(b[:n]) != version[:n]:
		return flow.No
	case n < len(version):
		return flow.Maybe
	}
	return flow.Yes
}

// skipEmptyLines drops what a server should ignore before a request line (RFC
// 9112 section 2.2).
func skipEmptyLines(b []byte) []byte {
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// tokenLength returns how many bytes of a method name b begins with. Methods
// are tokens, and all that are in use are made of letters, digits, - and _.
func tokenLength(b []byte) int {
	for i, c := range b {
		if !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return i
		}
	}
	return len(b)
}

// trimLine drops the carriage return and white space at a line's end.
func trimLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\r' || b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
