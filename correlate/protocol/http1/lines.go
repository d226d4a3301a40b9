package http1

import (
	"bytes"

	"github.com/throughline/throughline/correlate/httpspan"
)

// requestLine is a request line split in three (RFC 9112 section 3), as views.
type requestLine struct {
	method []byte
	target []byte
	minor  byte // of the version
	// cut: the line is incomplete; the target is at least as long as this
	// and the version unknown.
	cut bool
}

// splitRequestLine splits a whole line. White space within the target, which
// clients should encode, is left in it.
func splitRequestLine(line []byte) (requestLine, bool) {
	n := tokenLength(line)
	if n == 0 || n > maxToken || n == len(line) || line[n] != ' ' {
		return requestLine{}, false
	}
	last := bytes.LastIndexByte(line, ' ')
	minor, ok := parseVersion(line[last+1:])
	if !ok || last <= n {
		return requestLine{}, false
	}
	target := trim(line[n:last])
	if len(target) == 0 {
		return requestLine{}, false
	}
	return requestLine{method: line[:n], target: target, minor: minor}, true
}

// splitCutLine splits what was captured of a line whose rest was not. It is
// enough if the path is whole or longer than would be shown.
func splitCutLine(line []byte) (requestLine, bool) {
	n := tokenLength(line)
	if n == 0 || n >= len(line) || line[n] != ' ' || !httpspan.Known(line[:n]) {
		return requestLine{}, false
	}
	target := line[n+1:]
	if len(target) == 0 || target[0] != '/' || bytes.IndexByte(target, '?') < 0 && len(target) <= httpspan.MaxPath {
		return requestLine{}, false
	}
	return requestLine{method: line[:n], target: target, minor: 1, cut: true}, true
}

// splitStatusLine reads the version and the status code (RFC 9112 section 4).
func splitStatusLine(line []byte) (minor byte, status int, ok bool) {
	const version = len("HTTP/1.1")
	if len(line) < version+4 || line[version] != ' ' {
		return 0, 0, false
	}
	if minor, ok = parseVersion(line[:version]); !ok {
		return 0, 0, false
	}
	code := line[version+1:]
	if len(code) > 3 && code[3] != ' ' {
		return 0, 0, false
	}
	n, ok := parseDecimal(code[:3])
	return minor, int(n), ok && n >= 100
}

// parseVersion reads HTTP/1.x and returns x.
func parseVersion(b []byte) (minor byte, ok bool) {
	const version = "HTTP/1."
	if len(b) != len(version)+1 || string(b[:len(version)]) != version {
		return 0, false
	}
	minor = b[len(version)] - '0'
	return minor, minor <= 9
}
