package http1

import (
	"bytes"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/throughline/throughline/correlate/httpspan"
)

const (
	// maxHeaders bounds the values that are taken of one head.
	maxHeaders = 64
	// maxHeaderValue bounds one of them in bytes.
	maxHeaderValue = 1024
)

// headers are the fields whose values become attributes, by their names in lower case. Both attributes of a name are
// made once (semantic conventions, "http.request.header.<key>").
type headers map[string]*headerKeys

type headerKeys struct{ request, response attribute.Key }

// newHeaders is nil for no names.
func newHeaders(names []string) headers {
	var h headers
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
			continue
		}
		if h == nil {
			h = headers{}
		}
		h[name] = &headerKeys{attribute.Key("http.request.header." + name), attribute.Key("http.response.header." + name)}
	}
	return h
}

// header is a field that was asked for.
type header struct {
	keys  *headerKeys
	value []byte // a view into the head, or a copy if it is written over several lines
}

// header takes a field line if it was asked for; taken tells whether it was.
func (f *fields) header(line []byte) (taken bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || len(f.taken) >= maxHeaders {
		return false
	}
	keys := f.headers[strings.ToLower(string(trimLine(line[:colon])))]
	if keys == nil {
		return false
	}
	f.taken = append(f.taken, header{keys, trim(line[colon+1:])})
	return true
}

// headerFold takes a line that continues the field taken last (RFC 9112, section 5.2).
func (f *fields) headerFold(value []byte) {
	last := &f.taken[len(f.taken)-1]
	last.value = append(append(last.value[:len(last.value):len(last.value)], ' '), value...)
}

// headerAttributes are the values that were taken, those of one name in one attribute.
func (f *fields) headerAttributes(response bool) []attribute.KeyValue {
	var all []attribute.KeyValue
	for i, h := range f.taken {
		if h.keys == nil {
			continue // it went to another of its name
		}
		var values []string
		for j := i; j < len(f.taken); j++ {
			if f.taken[j].keys == h.keys {
				values = append(values, httpspan.CleanText(f.taken[j].value, maxHeaderValue))
				f.taken[j].keys = nil
			}
		}
		key := h.keys.request
		if response {
			key = h.keys.response
		}
		all = append(all, key.StringSlice(values))
	}
	return all
}
