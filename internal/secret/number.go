package secret

import "strings"

// numbers masks the numbers of cards and accounts in the run.
func (m *masker) numbers(i, end int) {
	for at := i; at < end; {
		switch begins := at == 0 || !is(m.s[at-1], alnum); {
		case is(m.s[at], digit) && (at == 0 || !is(m.s[at-1], digit)):
			if to := card(m.s, at); to > at {
				m.mask(at, to)
				at = to
				continue
			}
		case begins && is(m.s[at], letter):
			if to := iban(m.s, at); to > at {
				m.mask(at, to)
				at = to
				continue
			}
		}
		at++
	}
}

// grouped is where a number ends whose first group of four is the run s[i:end]; i if there is none.
func grouped(s string, i, end int) int {
	if end == len(s) || gap(s, end) == 0 {
		return i
	}
	if is(s[i], digit) {
		return card(s, i)
	}
	return iban(s, i)
}

// gap is the length of what divides groups at i; 0 if there is no such thing.
func gap(s string, i int) int {
	switch {
	case i >= len(s):
	case strings.IndexByte(" -.+", s[i]) >= 0:
		return 1
	case strings.HasPrefix(s[i:], "%20"):
		return 3
	}
	return 0
}

// layouts are how issuers group the digits of cards.
var layouts = [][]int{{4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}}

// card is where a card's number that begins at i ends; i if there is none. ISO/IEC 7812: an issuer's digits and a check
// digit.
func card(s string, i int) int {
	var number [19]byte
	n, at := 0, i
	for at < len(s) && is(s[at], digit) {
		if n == len(number) {
			return i
		}
		number[n] = s[at] - '0'
		n++
		at++
	}
	if n >= 13 {
		if issued(number[:n]) && luhn(number[:n]) {
			return at
		}
		return i
	}
	if n != group || gap(s, at) == 0 {
		return i
	}
	for _, layout := range layouts {
		if to := laidOut(s, i, layout, &number); to > i {
			return to
		}
	}
	return i
}

// laidOut is where the card's number that begins at i ends if its groups are these; i if it is none.
func laidOut(s string, i int, layout []int, number *[19]byte) int {
	at, n := i, 0
	for k, size := range layout {
		if k > 0 {
			width := gap(s, at)
			if width == 0 {
				return i
			}
			at += width
		}
		for range size {
			if at == len(s) || !is(s[at], digit) {
				return i
			}
			number[n] = s[at] - '0'
			n++
			at++
		}
	}
	if at < len(s) && is(s[at], digit) || !issued(number[:n]) || !luhn(number[:n]) {
		return i
	}
	return at
}

// issued tells whether cards of this length begin so, by the ranges that the large networks have published.
func issued(d []byte) bool {
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	switch n := len(d); {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case 51 <= two && two <= 55, 2221 <= four && four <= 2720: // Mastercard
		return n == 16
	case two == 34 || two == 37: // American Express
		return n == 15
	case two == 35: // JCB
		return n == 16
	case two == 36 || two == 38 || two == 30: // Diners
		return n == 14
	case four == 6011 || two == 64 || two == 65 || two == 62 || two == 60: // Discover, UnionPay, RuPay
		return n == 16 || two == 62 && n > 16
	case two == 50, 56 <= two && two <= 58, two == 67, two == 63: // Maestro
		return n == 16
	}
	return false
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B).
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// ibanLengths are the lengths of account numbers by country, from the registry of ISO 13616 as SWIFT publishes it.
var ibanLengths = func() map[string]int {
	const registry = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23" +
		"GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30" +
		"NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30"
	table := map[string]int{}
	for i := 0; i < len(registry); i += 4 {
		table[registry[i:i+2]] = int(registry[i+2]-'0')*10 + int(registry[i+3]-'0')
	}
	return table
}()

// iban is where the account number that begins at i ends; i if there is none. Its letters may be small, and there may be
// a gap behind each fourth character.
func iban(s string, i int) int {
	if i+4 > len(s) || !is(s[i], letter) || !is(s[i+1], letter) || !is(s[i+2], digit) || !is(s[i+3], digit) {
		return i
	}
	country := [2]byte{s[i] &^ 0x20, s[i+1] &^ 0x20}
	length := ibanLengths[string(country[:])]
	if length == 0 {
		return i
	}
	var text [34]byte
	n, at := 0, i
	for n < length {
		if n > 0 && n%group == 0 {
			at += gap(s, at)
		}
		if at >= len(s) || !is(s[at], alnum) {
			return i
		}
		text[n] = s[at]
		n++
		at++
	}
	if at < len(s) && is(s[at], alnum) || !mod97(text[:n]) {
		return i
	}
	return at
}

// mod97 checks the two digits behind the country (ISO 7064, MOD 97-10).
func mod97(text []byte) bool {
	rest := 0
	for i := range text {
		c := text[(i+4)%len(text)]
		if is(c, digit) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c&^0x20-'A') + 10) % 97
		}
	}
	return rest == 1
}
