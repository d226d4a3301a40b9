package http1

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

func TestHeaders(t *testing.T) {
	asked := newHeaders([]string{"X-Request-ID", " accept ", "cookie", ""})
	for _, c := range []struct {
		name, lines, want string
	}{
		{"none", "Host: a\r\nX-Other: b\r\n", ""},
		{"one", "Host: a\r\nx-request-id:  7 \r\n", "x-request-id=[7]"},
		{"several of a name", "Accept: a\r\nX-Request-Id: 7\r\nACCEPT: b, c\r\n", "accept=[a|b, c] x-request-id=[7]"},
		{"empty", "Cookie:\r\n", "cookie=[]"},
		{"over two lines", "Accept: a,\r\n\tb\r\nX-Request-Id: 7\r\n", "accept=[a, b] x-request-id=[7]"},
		{"another one goes on", "X-Request-Id: 7\r\nX-Other: a\r\n b\r\n", "x-request-id=[7]"},
		{"no UTF-8", "X-Request-Id: \xff\r\n", "x-request-id=[\uFFFD]"},
		{"no colon", "x-request-id\r\n: 3\r\n", ""},
	} {
		for _, response := range []bool{false, true} {
			f := fields{headers: asked}
			if n := f.parse([]byte(c.lines + "\r\n")); n != len(c.lines)+2 {
				t.Errorf("%s: %d bytes of %d", c.name, n, len(c.lines)+2)
			}
			prefix := "http.request.header."
			if response {
				prefix = "http.response.header."
			}
			var got []string
			for _, a := range f.headerAttributes(response) {
				name, ok := strings.CutPrefix(string(a.Key), prefix)
				if !ok || a.Value.Type() != attribute.STRINGSLICE {
					t.Errorf("%s: %v is not as the conventions have it", c.name, a)
				}
				got = append(got, fmt.Sprintf("%s=[%s]", name, strings.Join(a.Value.AsStringSlice(), "|")))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	}
}

func TestHeadersAreBounded(t *testing.T) {
	f := fields{headers: newHeaders([]string{"a"})}
	f.parse([]byte(strings.Repeat("a: "+strings.Repeat("x", 2*maxHeaderValue)+"\r\n", 2*maxHeaders) + "\r\n"))
	all := f.headerAttributes(false)
	if len(all) != 1 || len(all[0].Value.AsStringSlice()) != maxHeaders || len(all[0].Value.AsStringSlice()[0]) > maxHeaderValue+len("…") {
		t.Errorf("%d attributes of %d values", len(all), len(all[0].Value.AsStringSlice()))
	}
}
