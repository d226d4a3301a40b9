package secret

// Windows in which a run is looked at, in letters and digits. What is shorter than a window is not told from a word.
const (
	mixedWindow  = 20 // of letters of both cases and digits
	singleWindow = 24 // of letters of one case and digits
)

// Least counts in a window of what is random. Between two characters next to each other there is a break if only one is
// a digit, or if a capital follows a small letter. Text of random characters of base62 has 8.5 of 19, base36 and base32
// 9.2 and 7 of 23, names in camel case 4 or 5. TestRandom measures what these bounds find and what they take for a token.
const (
	mixedBreaks  = 6
	singleBreaks = 5
	singleOther  = 3  // letters beyond f
	caseBreaks   = 12 // of letters alone, with capitals behind capitals counted too
)

// random tells whether the run, which has the classes seen in it, or a part of it, looks drawn at random. Dots divide it, and
// where letters are of one case so do all joints.
func random(run string, seen class) bool {
	if ulid(run) {
		return false
	}
	return seen&lower != 0 && seen&upper != 0 && mixed(run) || seen&digit != 0 && long(run) && single(run)
}

// long tells whether the window of a single case fits between two joints.
func long(run string) bool {
	n := 0
	for i := range len(run) {
		if n++; !is(run[i], alnum) {
			n = 0
		}
		if n == singleWindow {
			return true
		}
	}
	return false
}

func mixed(run string) bool {
	w := window{size: mixedWindow}
	for i := 0; i < len(run); i++ {
		switch c := classes[run[i]]; {
		case c&alnum != 0:
			if sum := w.add(c); w.n == mixedWindow && sum.of(lowers) >= 3 && sum.of(uppers) >= 3 && (sum.of(digits) > 0 &&
				sum.of(breaks) >= mixedBreaks || sum.of(breaks)+sum.of(capitals) >= caseBreaks) {
				return true
			}
		case run[i] == '%': // an escape of what stands in base64
			i += 2
		case run[i] == '.':
			w = window{size: mixedWindow}
		}
	}
	return false
}

func single(run string) bool {
	w := window{size: singleWindow}
	for i := 0; i < len(run); i++ {
		switch c := classes[run[i]]; {
		case c&alnum != 0:
			if sum := w.add(c); w.n == singleWindow && sum.of(digits) >= 3 && (sum.of(lowers) < 3 || sum.of(uppers) < 3) &&
				sum.of(others) >= singleOther && sum.of(breaks) >= singleBreaks {
				return true
			}
		default:
			w = window{size: singleWindow}
		}
	}
	return false
}

// ulid tells whether s is one: a time and a random number that name a thing (github.com/ulid/spec).
func ulid(s string) bool {
	if len(s) != 26 || s[0] > '7' {
		return false
	}
	seen := class(0)
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case !is(s[i], alnum), c == 'i', c == 'l', c == 'o', c == 'u':
			return false
		}
		seen |= classes[s[i]]
	}
	return seen&lower == 0 || seen&upper == 0
}

// counts are what is in a window, a byte each.
type counts uint64

// The bytes of counts, by how far they are shifted.
const (
	digits   = 8 * iota
	lowers   // small letters
	uppers   // capitals
	others   // letters beyond f
	breaks   // see above
	capitals // capitals behind capitals
)

func (c counts) of(what int) int { return int(c >> what & 0xff) }

// window counts what is in the last size letters and digits.
type window struct {
	ring [singleWindow]counts
	size int
	at   int // in ring
	n    int // in the window
	last class
	sum  counts
}

func (w *window) add(c class) counts {
	var one counts
	switch {
	case c&digit != 0:
		one = 1 << digits
	case c&lower != 0:
		one = 1 << lowers
	default:
		one = 1 << uppers
	}
	if c&(otherLower|otherUpper) != 0 {
		one |= 1 << others
	}
	switch {
	case w.n == 0:
	case (w.last^c)&digit != 0, w.last&lower != 0 && c&upper != 0:
		one |= 1 << breaks
	case w.last&upper != 0 && c&upper != 0:
		one |= 1 << capitals
	}
	w.last = c
	if w.n == w.size {
		w.sum -= w.ring[w.at]
	} else {
		w.n++
	}
	w.sum += one
	w.ring[w.at] = one
	if w.at++; w.at == w.size {
		w.at = 0
	}
	return w.sum
}
