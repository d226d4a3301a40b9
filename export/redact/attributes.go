package redact

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/throughline/throughline/internal/secret"
)

// The attributes that say what a statement's words mean (semantic conventions, and those before 1.28).
const (
	databaseSystem    = attribute.Key("db.system.name")
	databaseSystemOld = attribute.Key("db.system")
)

// attributes returns what may be exported of all, and how many were beyond the limit. It returns all itself if nothing has
// to change.
func (r *Redactor) attributes(all []attribute.KeyValue, limit limit) (clean []attribute.KeyValue, dropped int) {
	clean = all
	copied := false
	kept := 0
	for i := range all {
		verdict := same
		value := attribute.Value{}
		if !r.off {
			verdict = r.judge(&all[i], all, &value)
		}
		if verdict != gone && limit.set && kept == limit.most {
			verdict = gone
			dropped++
		}
		if r.limits.ValueLength.set && verdict != gone {
			if verdict == same {
				value = all[i].Value
			}
			if r.limits.cut(&value) {
				verdict = changed
			}
		}
		if verdict == same {
			kept++
			if copied {
				clean = append(clean, all[i])
			}
			continue
		}
		if !copied {
			clean, copied = append(make([]attribute.KeyValue, 0, len(all)), all[:i]...), true
		}
		if verdict == changed {
			kept++
			clean = append(clean, attribute.KeyValue{Key: all[i].Key, Value: value})
		}
	}
	return clean, dropped
}

// verdict is what becomes of an attribute.
type verdict uint8

const (
	same verdict = iota
	changed
	gone
)

// judge tells what becomes of an attribute, and puts its value to if it is changed.
func (r *Redactor) judge(a *attribute.KeyValue, all []attribute.KeyValue, to *attribute.Value) verdict {
	key := string(a.Key)
	kind := meaning(key)
	switch kind {
	case dropped:
		return gone
	case header:
		name := headerName(key[strings.LastIndexByte(key, '.')+1:])
		if !r.headers[name] {
			return gone
		}
		if credentials(name) {
			*to = attribute.StringSliceValue([]string{secret.Mark})
			return changed
		}
	case parameter:
		*to = attribute.StringValue(secret.Mark)
		return changed
	}
	switch a.Value.Type() {
	case attribute.STRING:
		was := a.Value.AsString()
		is := r.string(key, kind, was, all)
		if is == was {
			return same
		}
		*to = attribute.StringValue(is)
		return changed
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.EMPTY:
		if len(r.rules) == 0 {
			return same
		}
		return r.number(key, a, to)
	case attribute.STRINGSLICE:
		list := a.Value.AsStringSlice() // a copy
		verdict := same
		for i, was := range list {
			if list[i] = r.string(key, kind, was, all); list[i] != was {
				verdict = changed
			}
		}
		if verdict == changed {
			*to = attribute.StringSliceValue(list)
		}
		return verdict
	}
	was := a.Value.String() // of other types none is made here: read as one text
	is := r.string(key, kind, was, all)
	if is == was {
		return same
	}
	*to = attribute.StringValue(is)
	return changed
}

// number applies the user's rules to what is no text: it becomes one if they change it.
func (r *Redactor) number(key string, a *attribute.KeyValue, to *attribute.Value) verdict {
	for i := range r.rules {
		if rule := &r.rules[i]; rule.names(key) {
			was := a.Value.String()
			if is := rule.apply(was); is != was {
				*to = attribute.StringValue(is)
				return changed
			}
		}
	}
	return same
}

func (r *Redactor) string(key string, kind meant, s string, all []attribute.KeyValue) string {
	switch kind {
	case url: // a password may have a question mark in it: users go first
		s = r.text(key, s)
		if i := strings.IndexByte(s, '?'); i >= 0 {
			s = s[:i]
		}
		if i := strings.IndexByte(s, '#'); i >= 0 {
			s = s[:i]
		}
		return s
	case statement:
		s = sanitised(s, system(all))
	case summary:
		s = literals(s, system(all))
	}
	return r.text(key, s)
}

func system(all []attribute.KeyValue) string {
	for i := range all {
		if all[i].Key == databaseSystem || all[i].Key == databaseSystemOld {
			return all[i].Value.AsString()
		}
	}
	return ""
}

// meant is what an attribute's value is.
type meant uint8

const (
	text meant = iota
	url
	statement
	summary   // of a statement
	parameter // of a statement
	header
	dropped
)

// meaning tells it by the names of the semantic conventions, the old ones too.
func meaning(key string) meant {
	if key == "" {
		return text
	}
	switch key[0] {
	case 'u', 'h', 'd', 'r':
	default:
		return text
	}
	switch key {
	case "url.path", "url.full", "url.original", "http.url", "http.target", "http.route", "url.template":
		return url
	case "url.query", "url.fragment":
		return dropped
	case "db.query.text", "db.statement", "db.operation.batch.text":
		return statement
	case "db.query.summary":
		return summary
	}
	switch {
	case strings.HasPrefix(key, "http.request.header."), strings.HasPrefix(key, "http.response.header."),
		strings.HasPrefix(key, "rpc.") && strings.Contains(key, ".metadata."):
		return header
	case strings.HasPrefix(key, "db.query.parameter."), strings.HasPrefix(key, "db.operation.parameter."):
		return parameter
	}
	return text
}

// headerName is a field's name as names are compared: old attributes have underscores.
func headerName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// credentials tells whether a field is there to carry secrets (RFC 9110 section 11, RFC 6265): only that it is there is told.
func credentials(name string) bool {
	switch name {
	case "authorization", "proxy-authorization", "cookie", "set-cookie":
		return true
	}
	return false
}
