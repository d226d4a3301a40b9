package judge

import "strings"

// Identify finds the id that a span's attributes carry: in the path of a URL
// (/program/ID), in a method's name (Service/ID) or as the table of a statement,
// where dots are underscores.
func Identify(attribute func(key string) string) (id string, ok bool) {
	for _, candidate := range []string{
		lastAfter(attribute("url.path"), "/"),
		lastAfter(attribute("rpc.method"), "/"),
		strings.ReplaceAll(attribute("db.collection.name"), "_", "."),
		strings.ReplaceAll(lastAfter(attribute("db.query.summary"), " "), "_", "."),
	} {
		if valid(candidate) {
			return candidate, true
		}
	}
	return "", false
}

// lastAfter returns what follows the last separator, all of it if there is none.
func lastAfter(s, separator string) string {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):]
	}
	return s
}
