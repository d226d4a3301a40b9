package secret

import "strings"

// longestUser bounds what is looked at before the sign of an address, in bytes: of mail 64 are allowed (RFC 5321 section 4.5.3.1.1).
const longestUser = 128

// at masks an e-mail address, or the user and password before a host, whose sign is s[i:behind]. It returns where to go on.
func (m *masker) at(i, behind int) int {
	s, from := m.s, i
	first := max(m.done, i-longestUser)
	for from > first && local(s[from-1]) {
		from--
	}
	to := domain(s, behind)
	if from < i && to > behind {
		m.mask(from, to)
		return to
	}
	// user:password@host
	from = i
	colon, named := i, false // the first one; there is a letter, unlike in a time
	for from > first && !ends(s[from-1]) && s[from-1] != '/' {
		if from--; s[from] == ':' {
			colon = from
		}
		named = named || is(s[from], letter)
	}
	if named && colon+1 < i && host(s, behind) {
		m.mask(from, i)
	}
	return behind
}

// local tells whether c may stand before the sign, as addresses are made in practice (RFC 5322 allows more).
func local(c byte) bool {
	return is(c, alnum|joint) || c == '%' || c == '\'' || c >= 0x80
}

// domain is where a name with a dot in it ends, behind which a label begins like a top-level domain's name; i if there
// is none. A version, as in "react@18.2.0", is none.
func domain(s string, i int) int {
	end, named := i, false
	for end < len(s) && (is(s[end], alnum) || s[end] == '-' || s[end] == '.' || s[end] >= 0x80) {
		end++
	}
	for at := i + 1; at+2 < end; at++ {
		if s[at] == '.' && (is(s[at+1], letter) || s[at+1] >= 0x80) && (is(s[at+2], letter) || s[at+2] >= 0x80) {
			named = true
			break
		}
	}
	if !named {
		return i
	}
	return end
}

// host tells whether what begins at i can be one: not a version.
func host(s string, i int) bool {
	if i == len(s) {
		return false
	}
	if !is(s[i], digit) {
		return is(s[i], letter) || s[i] == '[' || s[i] == '('
	}
	dots := 0
	for ; i < len(s) && (is(s[i], digit) || s[i] == '.'); i++ {
		if s[i] == '.' {
			dots++
		}
	}
	return dots == 3
}

// ends tells whether a URL within text ends before c.
func ends(c byte) bool {
	return c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '`' || c == '|' || c == '\\' || c == ',' || c == '{' || c == '}'
}

// url reads the URL whose "://" begins at i: user and password are masked, the query is cut when it is reached. It returns where
// the path begins, or what is masked ends.
func (m *masker) url(i int) int {
	s, from := m.s, i+len("://")
	end := m.end
	if from > end { // else it is a part of the URL before
		for end = from; end < len(s) && !ends(s[end]); {
			end++
		}
		m.end = end
		if at := strings.IndexAny(s[from:end], "?#"); at >= 0 {
			m.query = from + at
		}
	}
	authority := end
	if at := strings.IndexAny(s[from:end], "/?#"); at >= 0 { // near, or there is none
		authority = from + at
	}
	if at := strings.LastIndexByte(s[from:authority], '@'); at > 0 {
		m.mask(from, from+at)
		return from + at + 1
	}
	// A slash or a question mark in a password, which should have been escaped.
	if colon := strings.IndexByte(s[from:authority], ':'); colon >= 0 && !port(s[from+colon+1:authority]) {
		if at := strings.LastIndexByte(s[from:min(end, from+longestUser)], '@'); at > 0 {
			m.query = -1
			if query := strings.IndexAny(s[from+at:end], "?#"); query >= 0 {
				m.query = from + at + query
			}
			m.mask(from, from+at)
			return from + at + 1
		}
	}
	return from
}

func port(s string) bool {
	for i := range len(s) {
		if !is(s[i], digit) {
			return false
		}
	}
	return true
}
