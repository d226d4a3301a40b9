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
		value, keep := all[i].Value, true
		if !r.off {
			value, keep = r.value(string(all[i].Key), &all[i].Value, all)
		}
		if keep && limit.set && kept == limit.most {
			keep = false
			dropped++
		}
		value = r.limits.cut(value)
		if !copied && (!keep || value != all[i].Value) {
			clean, copied = append(make([]attribute.KeyValue, 0, len(all)), all[:i]...), true
		}
		if !keep {
			continue
		}
		kept++
		if copied {
			clean = append(clean, attribute.KeyValue{Key: all[i].Key, Value: value})
		}
	}
	return clean, dropped
}

// value is what may be exported of an attribute's value. The value of an attribute that is nothing but one secret is not kept.
func (r *Redactor) value(key string, v *attribute.Value, all []attribute.KeyValue) (clean attribute.Value, keep bool) {
	kind := meaning(key)
	switch {
	case kind == dropped, kind == header && !r.headers[headerName(key[strings.LastIndexByte(key, '.')+1:])]:
		return *v, false
	case kind == parameter:
		return attribute.StringValue(secret.Mark), true
	case kind == header && credentials(headerName(key[strings.LastIndexByte(key, '.')+1:])):
		return attribute.StringSliceValue([]string{secret.Mark}), true
	}
	switch v.Type() {
	case attribute.STRING:
		was := v.AsString()
		if is := r.string(key, kind, was, all); is != was {
			return attribute.StringValue(is), true
		}
	case attribute.STRINGSLICE:
		was := v.AsStringSlice()
		changed := false
		for i, s := range was { // a copy already
			was[i] = r.string(key, kind, s, all)
			changed = changed || was[i] != s
		}
		if changed {
			return attribute.StringSliceValue(was), true
		}
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE:
		return r.number(key, v), true
	default: // of other types none is made here; what is in them is not looked into, but read as one text
		was := v.String()
		if is := r.string(key, kind, was, all); is != was {
			return attribute.StringValue(is), true
		}
	}
	return *v, true
}

// number applies the user's rules to what is no text: it becomes one if they change it.
func (r *Redactor) number(key string, v *attribute.Value) attribute.Value {
	for i := range r.rules {
		if rule := &r.rules[i]; rule.names(key) {
			was := v.String()
			if is := rule.apply(was); is != was {
				return attribute.StringValue(is)
			}
		}
	}
	return *v
}

func (r *Redactor) string(key string, kind meant, s string, all []attribute.KeyValue) string {
	switch kind {
	case url:
		if i := strings.IndexAny(s, "?#"); i >= 0 {
			s = s[:i]
		}
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
	case strings.HasPrefix(key, "http.re"), strings.HasPrefix(key, "rpc."):
		if strings.Contains(key, ".header.") || strings.Contains(key, ".metadata.") {
			return header
		}
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
