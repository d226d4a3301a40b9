package httpspan

import "bytes"

// DropUser cuts the user information off an authority.
func DropUser(b []byte) []byte {
	return b[bytes.LastIndexByte(b, '@')+1:]
}

// SplitAuthority separates host and port (RFC 3986 section 3.2). port is 0 if
// there is none. ok is false for what cannot be an authority.
func SplitAuthority(b []byte) (host []byte, port int, ok bool) {
	if len(b) == 0 || len(b) > MaxHost {
		return nil, 0, false
	}
	host = b
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i:], ']') < 0 {
		if n, ok := parsePort(b[i+1:]); ok {
			port = n
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

func parsePort(b []byte) (port int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if port = port*10 + int(c-'0'); port > 65535 {
			return 0, false
		}
	}
	return port, len(b) > 0
}
