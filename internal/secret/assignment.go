package secret

import "strings"

// names are how names of secrets end, in small letters without joints. A "token:" is also what parsers complain of.
var names = []struct {
	text  string
	colon bool // a colon assigns too
}{
	{"password", true}, {"passwd", true}, {"passphrase", true}, {"pwd", true}, {"secret", true}, {"apikey", true}, {"accesskey", true},
	{"privatekey", true}, {"secretkey", true}, {"authorization", true}, {"cookie", true}, {"authtoken", true}, {"accesstoken", true},
	{"refreshtoken", true}, {"sessionid", true}, {"sessid", true}, {"token", false}, {"signature", false}, {"credential", false},
	{"credentials", false}, {"jwt", false}, {"accountkey", true}, {"sharedaccesskey", true}, {"csrf", false}, {"otp", false}, {"sig", false},
}

// longestName bounds what is looked at before the sign, in bytes.
const longestName = 64

// assignment masks what is assigned at i, by '=' or a colon, if it has the name of a secret. It returns where to go on.
func (m *masker) assignment(i int, colon bool) int {
	var text [longestName]byte
	first := len(text)
	at := i
	if at > 1 && m.s[at] != '=' && m.s[at] != ':' { // the last byte of an escape
		at -= 2
	}
	for at > 0 && first == len(text) && strings.IndexByte(` "'\]`, m.s[at-1]) >= 0 {
		at--
	}
	for ; at > 0 && first > 0 && is(m.s[at-1], alnum|joint); at-- {
		if is(m.s[at-1], alnum) {
			first--
			text[first] = m.s[at-1] | 0x20
		}
	}
	if name := text[first:]; !secretName(name, colon) {
		return i + 1
	}
	return m.value(i+1, colon)
}

func secretName(name []byte, colon bool) bool {
	for _, known := range names {
		if len(name) >= len(known.text) && string(name[len(name)-len(known.text):]) == known.text && (known.colon || !colon) {
			return len(name) == len(known.text) || len(known.text) > 3
		}
	}
	return false
}

// value masks the value that begins at from, with the quotes left. It returns where that begins: it is read all the same, since
// what begins in it may reach further.
func (m *masker) value(from int, colon bool) int {
	s := m.s
	for from < len(s) && (s[from] == ' ' || s[from] == '\\') {
		from++
	}
	if from == len(s) {
		return from
	}
	to := max(from, m.done) // what is masked already is not looked for the end again
	if quote := s[from]; to == from && (quote == '"' || quote == '\'') {
		from++
		for to = from; to < len(s) && s[to] != quote; to++ {
			if s[to] == '\\' {
				to++
			}
		}
		m.mask(from, min(to, len(s)))
		return from
	}
	for to < len(s) && s[to] > ' ' && strings.IndexByte(`&;,)}]"'`, s[to]) < 0 && !(colon && s[to] == '/') {
		to++
	}
	if word := s[from:to]; !strings.EqualFold(word, "bearer") && !strings.EqualFold(word, "basic") { // else what follows
		m.mask(from, to)
	}
	return from
}
