package secret

import "strings"

const (
	// shortestToken is the least length of a run that can have a token, a card's number or an IBAN in it.
	shortestToken = 13
	// group is the length of the groups in which people write numbers of cards and accounts.
	group = 4
)

// run reads the characters from i on that may be of one token, and masks them if they are. It returns where they end.
func (m *masker) run(i int) int {
	s, seen := m.s, class(0)
	end := i
	for end < len(s) {
		c := classes[s[end]]
		if c&inRun == 0 {
			if s[end] != '%' {
				break
			}
			if b, ok := escaped(s, end); !ok || strings.IndexByte("+/=", b) < 0 && !is(b, alnum|joint) {
				break
			}
			end += 3
			continue
		}
		seen |= c
		end++
	}
	switch n := end - i; {
	case n == group && seen&digit != 0:
		if to := grouped(s, i, end); to > end {
			m.mask(i, to)
			return to
		}
	case n < shortestToken:
		switch n {
		case len("-----BEGIN"), len("-----BEGIN") + 1, len("-----BEGIN") + 2:
			if to := private(s, i, end); to > end {
				m.mask(i, to)
				return to
			}
		case len("bearer"), len("basic"):
			return m.scheme(i, end)
		}
	case seen&(digit|upper) == 0: // words
	case seen&(otherLower|otherUpper) == 0: // numbers, a UUID, a hash
		m.numbers(i, end)
	default:
		if to := m.token(i, end, seen); to > i {
			return to
		}
		m.numbers(i, end)
	}
	return end
}

// scheme masks what follows the name of a way to authenticate, as in the field Authorization (RFC 9110 section 11.4).
func (m *masker) scheme(i, end int) int {
	if word := m.s[i:end]; !strings.EqualFold(word, "bearer") && !strings.EqualFold(word, "basic") {
		return end
	}
	from := end
	for from < len(m.s) && (m.s[from] == ' ' || m.s[from] == ':') {
		from++
	}
	if strings.HasPrefix(m.s[from:], "%20") {
		from += 3
	}
	to, seen := from, class(0)
	for to < len(m.s) && (is(m.s[to], inRun) || m.s[to] == '/' || m.s[to] == '=') {
		seen |= classes[m.s[to]]
		to++
	}
	if from == end || to-from < 6 || seen&(digit|upper|joint) == 0 {
		return end
	}
	m.mask(from, to)
	return end // and read it: what begins in it may reach further
}

// token masks the run if there is a token in it, and returns where that ends; i if there is none.
func (m *masker) token(i, end int, seen class) int {
	if to := private(m.s, i, end); to > end {
		m.mask(i, to)
		return to
	}
	if run := m.s[i:end]; prefixed(run) || random(run, seen) {
		m.mask(i, end)
		return end
	}
	return i
}

// private is where a private key in PEM ends (RFC 7468) whose "-----BEGIN" the run s[i:end] ends with; end if there is none.
func private(s string, i, end int) int {
	if s[end-1] != 'N' || !strings.HasSuffix(s[i:end], "-----BEGIN") {
		return end
	}
	const most = 40 // bytes of a label, such as " ENCRYPTED PRIVATE KEY"
	if !strings.Contains(s[end:min(end+most, len(s))], "PRIVATE KEY") {
		return end
	}
	const ending = "-----END"
	at := strings.Index(s[end:], ending)
	if at < 0 {
		return len(s)
	}
	end += at + len(ending)
	if at = strings.Index(s[end:], "-----"); at < 0 {
		return len(s)
	}
	return end + at + len("-----")
}
