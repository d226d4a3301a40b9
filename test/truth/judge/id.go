package judge

import "strings"

// A request's id tells its place in the tree: r17 is one of the driver's, r17.1
// and r17.2 are the calls that its service makes, r17.1.1 is a call of theirs.
// A number may have a mark in front, which says what the agent can know.
const (
	noMark        = 0
	markNone      = 'n' // no context is passed: no parent is expected
	markMay       = 'm' // a context is passed in a way that need not be seen
	markForwarded = 'f' // the caller passes on the header that it was sent
)

// valid tells whether a string is an id.
func valid(id string) bool {
	for i, part := range strings.Split(id, ".") {
		if part == "" {
			return false
		}
		switch c := part[0]; {
		case i == 0 && c != 'r':
			return false
		case i == 0, c == markNone, c == markMay, c == markForwarded:
			part = part[1:]
		}
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// caller returns the id of the request that makes this one, "" if that is the
// driver.
func caller(id string) string {
	return id[:max(0, strings.LastIndexByte(id, '.'))]
}

// root returns the id of the driver's request that an id belongs to.
func root(id string) string {
	r, _, _ := strings.Cut(id, ".")
	return r
}

// mark returns the mark of an id's last number.
func mark(id string) byte {
	last := id[strings.LastIndexByte(id, '.')+1:]
	if len(last) == len(id) || last == "" || last[0] >= '0' && last[0] <= '9' {
		return noMark
	}
	return last[0]
}

// depth counts the calls between the driver's request and this one.
func depth(id string) int { return strings.Count(id, ".") }
