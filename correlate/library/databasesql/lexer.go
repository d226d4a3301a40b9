package databasesql

import "strings"

type kind uint8

const (
	end         kind = iota // of what is understood
	word                    // a keyword, a name or a number
	quoted                  // a name in quotes, without them
	literal                 // a string
	punctuation             // any other character
)

type token struct {
	kind kind
	text string
}

// A lexer cuts a statement into tokens. Where dialects differ in what a string or
// a comment is, nothing is certain any more, and what is in a string must not be taken for
// names: there it ends.
type lexer struct {
	source string
	at     int
	cut    bool // there was more
	begun  bool // a token was read
}

func (l *lexer) next() token {
	if !l.space() {
		return l.stop()
	}
	l.begun = true
	switch c := l.source[l.at]; {
	case c == '\'':
		return l.enclosed(c, literal)
	case c == '"' || c == '`':
		return l.enclosed(c, quoted)
	case c == '[':
		return l.bracket()
	case c == '$':
		return l.dollar()
	case letter(c):
		return l.word()
	default:
		l.at++
		return token{punctuation, l.source[l.at-1 : l.at]}
	}
}

// space skips what is between tokens, comments included. false: there is no more.
func (l *lexer) space() bool {
	for l.at < len(l.source) {
		rest := l.source[l.at:]
		switch {
		case rest[0] <= ' ':
			l.at++
		case rest[0] == '#' || strings.HasPrefix(rest, "--"):
			if l.begun && !strings.HasPrefix(rest, "-- ") { // an operator, in some
				return false
			}
			l.skip(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			comment, _, _ := strings.Cut(rest[2:], "*/")
			if strings.Contains(comment, "/*") { // they nest, in some
				return false
			}
			l.at += 2
			l.skip(rest[2:], "*/")
		default:
			return true
		}
	}
	return false
}

// skip goes behind the next occurrence of mark.
func (l *lexer) skip(rest, mark string) {
	if i := strings.Index(rest, mark); i >= 0 {
		l.at += i + len(mark)
	} else {
		l.at = len(l.source)
	}
}

// enclosed reads up to a closing quote; two of them are one.
func (l *lexer) enclosed(quote byte, k kind) token {
	start := l.at + 1
	for i := start; i < len(l.source); i++ {
		switch {
		case l.source[i] == '\\':
			return l.stop()
		case l.source[i] != quote:
		case i+1 < len(l.source) && l.source[i+1] == quote:
			if i++; k == quoted {
				k = literal // a name with quotes in it: not worth the trouble
			}
		default:
			l.at = i + 1
			return token{k, l.source[start:i]}
		}
	}
	return l.stop()
}

// bracket reads a name in brackets. They may also be of an array.
func (l *lexer) bracket() token {
	inside, _, ok := strings.Cut(l.source[l.at+1:], "]")
	if !ok || strings.ContainsFunc(inside, func(r rune) bool { return r >= 0x80 || !letter(byte(r)) && r != ' ' }) {
		return l.stop()
	}
	l.at += len(inside) + 2
	return token{quoted, inside}
}

// dollar reads a string of PostgreSQL between $$ or $tag$, or a parameter.
func (l *lexer) dollar() token {
	rest := l.source[l.at:]
	i := 1
	for i < len(rest) && letter(rest[i]) {
		i++
	}
	if i == len(rest) || rest[i] != '$' || i > 1 && '0' <= rest[1] && rest[1] <= '9' {
		l.at += i
		return token{punctuation, "$"}
	}
	mark := rest[:i+1]
	closing := strings.Index(rest[len(mark):], mark)
	if closing < 0 {
		return l.stop()
	}
	l.at += closing + 2*len(mark)
	return token{literal, ""}
}

func (l *lexer) word() token {
	start := l.at
	for l.at < len(l.source) && (letter(l.source[l.at]) || l.source[l.at] == '$') {
		l.at++
	}
	if l.at == len(l.source) && l.cut {
		return l.stop() // perhaps half of one
	}
	return token{word, l.source[start:l.at]}
}

func (l *lexer) stop() token {
	l.at = len(l.source)
	return token{}
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}
