package httpspan

import (
	"net/netip"
	"strconv"
)

// URL builds url.full and remembers the last one, for the next is often the
// same. The zero value is ready for use.
type URL struct {
	of   parts
	text string
}

type parts struct {
	scheme, host, path string
	port               int
}

// Text writes a URL of what is shown anyway. A port of 0 is left out.
func (u *URL) Text(scheme, host string, port int, path string) string {
	of := parts{scheme, host, path, port}
	if u.of == of {
		return u.text
	}
	if len(host) > 0 && host[0] != '[' {
		if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
			host = "[" + host + "]"
		}
	}
	shown := ""
	if port != 0 {
		shown = ":" + strconv.Itoa(port)
	}
	if path == "*" {
		path = "" // RFC 9110 section 4.2.1 knows no such URI; RFC 9112 section 3.3
	}
	u.of, u.text = of, scheme+"://"+host+shown+path
	return u.text
}
