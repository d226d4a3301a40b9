package route

import (
	"strings"

	"github.com/throughline/throughline/internal/secret"
)

// Placeholders.
const (
	id    = "{id}"
	uuid  = "{uuid}"
	hash  = "{hash}"
	date  = "{date}"
	email = "{email}"
	token = "{token}"
	slug  = "{slug}"
	file  = "{file}"
)

// longestWord is the most bytes that a word of a route has.
const longestWord = 48

// look is how a segment looks.
type look uint8

const (
	word  look = iota // as what an API calls its resources
	thing             // as what stands for a placeholder
	maybe             // as that too, but names of things may look so where things have names
)

// shape tells what a segment is by its look: a placeholder, or the word that it is. before is the segment before it.
func shape(segment, before string) (key string, is look) {
	if segment == "" {
		return "", word
	}
	c := survey(segment)
	switch {
	case c.digits == len(segment):
		if before == "api" && len(segment) <= 2 { // a version
			return segment, word
		}
		if dated(segment) {
			return date, thing
		}
		return id, thing
	case c.digits+c.joints == len(segment) && c.digits > 0:
		switch {
		case dated(segment):
			return date, thing
		case len(segment) == 3 && segment[1] == '.': // a version
			return segment, word
		}
		return id, thing
	case c.hex+c.joints == len(segment) && isUUID(segment):
		return uuid, thing
	case c.hex == len(segment) && c.hex >= 7 && c.digits > 0:
		return hash, thing
	case c.letters == len(segment) && c.capitals == 0 && len(segment) <= longestWord: // the most frequent, and seldom more
		return segment, word
	case c.digits >= 8 && dated(segment):
		return date, thing
	case version(segment):
		return segment, word
	case c.signs || c.escapes:
		return signed(segment, before)
	case c.dots > 0 && asset(segment) != "":
		return asset(segment), maybe
	case secret.In(segment):
		return token, thing
	case mixed(segment, &c):
		return id, maybe
	case len(segment) > longestWord, titled(segment, &c):
		return slug, thing
	}
	return segment, word
}

// counts are of a segment's characters.
type counts struct {
	digits, letters, capitals, joints, dots int
	hex                                     int  // digits, and letters up to f
	run                                     int  // of digits, the longest
	escapes                                 bool // or what should be escaped
	signs                                   bool // that stand in paths as they are: '@', ':', ',' and the like
}

func survey(s string) (c counts) {
	run := 0
	for i := range len(s) {
		switch b := s[i]; {
		case '0' <= b && b <= '9':
			c.digits++
			c.hex++
			run++
			c.run = max(c.run, run)
			continue
		case 'a' <= b && b <= 'z':
			c.letters++
			if b <= 'f' {
				c.hex++
			}
		case 'A' <= b && b <= 'Z':
			c.letters++
			c.capitals++
			if b <= 'F' {
				c.hex++
			}
		case b == '-' || b == '_' || b == '~':
			c.joints++
		case b == '.':
			c.joints++
			c.dots++
		case b == '%' || b >= 0x80 || b <= ' ':
			c.escapes = true
		default:
			c.signs = true
		}
		run = 0
	}
	return c
}

// isUUID checks what is hexadecimal digits and joints for the form of RFC 9562.
func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// dated tells whether s is, or begins with, a day of the last and this century (20240512, 2024-05-12T10:00:00Z), or is a month (2024-05).
func dated(s string) bool {
	if len(s) < 7 || !(strings.HasPrefix(s, "19") || strings.HasPrefix(s, "20")) || !number(s[:4]) {
		return false
	}
	if s[4] == '-' {
		switch {
		case !number(s[5:7]) || !between(s[5:7], "01", "12"):
			return false
		case len(s) == 7:
			return true
		}
		return len(s) >= 10 && s[7] == '-' && number(s[8:10]) && between(s[8:10], "01", "31") && (len(s) == 10 || s[10] == 'T' || s[10] == '%' || s[10] == '_')
	}
	return (len(s) == 8 || len(s) == 10 && number(s)) && number(s[4:8]) && between(s[4:6], "01", "12") && between(s[6:8], "01", "31")
}

func between(s, low, high string) bool { return low <= s && s <= high }

func number(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// version tells whether s is an API's version: v1, v2.1, v1beta2.
func version(s string) bool {
	if len(s) < 2 || len(s) > 10 || s[0] != 'v' || s[1] < '0' || s[1] > '9' {
		return false
	}
	rest := strings.Trim(s[1:], "0123456789.")
	return rest == "" || rest == "alpha" || rest == "beta" || rest == "rc"
}

// signed is of a segment with characters beside letters, digits and joints.
func signed(s, before string) (key string, is look) {
	if strings.Contains(s, "@") || strings.Contains(s, "%40") {
		if masked := secret.Mask(s); masked != s {
			return email, thing
		}
		return slug, thing
	}
	if at := strings.LastIndexByte(s, ':'); at > 0 && at+1 < len(s) { // a method of its own, as in /documents:batchGet
		head, verb := s[:at], s[at+1:]
		if c := survey(verb); c.letters == len(verb) && 'a' <= verb[0] && verb[0] <= 'z' && len(verb) <= longestWord {
			key, is = shape(head, before)
			return key + ":" + verb, is
		}
	}
	c := survey(s)
	switch {
	case secret.In(s):
		return token, thing
	case !c.escapes && c.letters == 0 && c.digits > 0: // coordinates, ranges
		return id, thing
	}
	return slug, thing
}

// asset is the placeholder of a file that a browser loads, with the ending; "" if s is none. /favicon.ico there is one of.
func asset(s string) string {
	if s == "favicon.ico" {
		return ""
	}
	switch s[strings.LastIndexByte(s, '.')+1:] {
	case "js":
		return file + ".js"
	case "css":
		return file + ".css"
	case "map":
		return file + ".map"
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "woff", "woff2", "ttf", "mp3", "mp4", "webm", "wasm", "mjs", "pdf":
		return file
	}
	return ""
}

// mixed tells whether letters and digits are put together as in generated names (coredns-5d78c9869d-x2x9z, INV-17, 9f3kx2q), not
// as in words (oauth2, sha256, ipv4).
func mixed(s string, c *counts) bool {
	if c.digits == 0 {
		return false
	}
	if c.run >= 4 {
		return true
	}
	if head, tail, ok := strings.Cut(s, "-"); ok && number(tail) && c.capitals > 0 && c.capitals == len(head) { // a tracker's key
		return true
	}
	for s != "" {
		end := strings.IndexAny(s, "-_.~")
		if end < 0 {
			end = len(s)
		}
		if generated(s[:end]) {
			return true
		}
		s = s[min(end+1, len(s)):]
	}
	return false
}

// generated tells whether letters and digits alternate in a piece of a name, or it has a digit and no vowel, as what Kubernetes
// generates (k8s.io/apimachinery/pkg/util/rand).
func generated(s string) bool {
	digits, changes, vowels := 0, 0, false
	for i := range len(s) {
		is := '0' <= s[i] && s[i] <= '9'
		vowels = vowels || strings.IndexByte("aeiouAEIOU", s[i]) >= 0
		if is {
			digits++
		}
		if i > 0 && is != ('0' <= s[i-1] && s[i-1] <= '9') {
			changes++
		}
	}
	return len(s) >= 5 && changes >= 2 && (changes >= 3 || 5*digits >= 2*len(s)) || len(s) >= 8 && digits > 0 && !vowels
}

// titled tells whether s is the title of something: Albert_Einstein, how-to-cook-rice-at-home.
func titled(s string, c *counts) bool {
	if 'A' <= s[0] && s[0] <= 'Z' && strings.IndexByte(s, '_') > 0 && c.capitals < c.letters {
		return true
	}
	return strings.Count(s, "-") >= 4
}
