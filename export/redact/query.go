package redact

import (
	"slices"
	"strings"
)

// omitted stands for a literal, as the semantic conventions for databases have it ("Sanitization of db.query.text").
const omitted = "?"

// words are what statements of SQL, and of languages like it, begin with.
var words = strings.Fields("select insert update delete merge with create alter drop truncate rename grant revoke call exec execute explain begin start " +
	"commit rollback set show use copy values replace upsert declare analyze vacuum lock listen notify prepare deallocate fetch close savepoint release " +
	"pragma attach detach describe desc do comment refresh reindex cluster match unwind")

// quoting are the systems in which double quotes are around names only.
var quoting = []string{"postgresql", "cockroachdb", "redshift", "aws.redshift", "oracle.db", "oracle", "ibm.db2", "db2", "sap.hana", "hanadb",
	"firebirdsql", "snowflake", "trino", "h2database", "hsqldb", "cassandra"}

// commands are the systems whose statements are no SQL: arguments are data.
var commands = []string{"redis", "valkey", "memcached", "mongodb", "elasticsearch", "opensearch", "couchdb", "aws.dynamodb", "dynamodb", "hbase",
	"azure.cosmosdb", "cosmosdb", "geode", "etcd"}

// sanitised is a statement without its literals. Of what is no SQL the first word is left.
func sanitised(text, system string) string {
	if slices.Contains(commands, system) {
		return firstWord(text)
	}
	begin := strings.TrimLeft(text, " \t\r\n(")
	if strings.HasPrefix(begin, "--") || strings.HasPrefix(begin, "/*") || strings.HasPrefix(begin, "#") {
		return literals(text, system)
	}
	end := 0
	for end < len(begin) && letter(begin[end]) {
		end++
	}
	if !slices.Contains(words, strings.ToLower(begin[:end])) {
		return firstWord(text)
	}
	return literals(text, system)
}

func firstWord(text string) string {
	end := 0
	for end < len(text) && letter(text[end]) && end < 32 {
		end++
	}
	if end == len(text) {
		return text
	}
	return strings.TrimLeft(text[:end]+" "+omitted, " ")
}

// literals replaces strings and numbers, and leaves comments out. Where dialects differ in what a string is, and so in what is
// outside of one, the rest of the text is left out.
func literals(text, system string) string {
	if plain(text) {
		return text
	}
	l := literal{text: text, system: system}
	for l.at < len(text) {
		l.step()
	}
	if l.out == nil {
		return text
	}
	return string(append(l.out, text[l.done:]...))
}

// plain tells whether there cannot be a literal or a comment in the text.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9', c == '\'', c == '"', c == '#', c == '-', c == '/', c == '$':
			return false
		}
	}
	return len(text) < len("alter user a identified by b")
}

// literal is one reading of a statement.
type literal struct {
	text, system string
	at           int
	out          []byte
	done         int    // text[:done] is in out
	word         string // the last one
	secret       bool   // the next word is one: IDENTIFIED BY
}

func (l *literal) step() {
	c, rest := l.text[l.at], l.text[l.at:]
	switch {
	case c == '\'':
		l.enclosed(c)
	case c == '"':
		if slices.Contains(quoting, l.system) {
			l.name(c)
		} else {
			l.enclosed(c)
		}
	case c == '`':
		l.name(c)
	case c == '$':
		l.dollar()
	case strings.HasPrefix(rest, "--"), c == '#' && (l.system == "mysql" || l.system == "mariadb"):
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			l.replace(l.at+i, "")
		} else {
			l.replace(len(l.text), "")
		}
	case strings.HasPrefix(rest, "/*"):
		comment, _, ok := strings.Cut(rest[2:], "*/")
		if !ok || strings.Contains(comment, "/*") { // they nest, in some
			l.replace(len(l.text), "")
			return
		}
		l.replace(l.at+len("/**/")+len(comment), "")
	case '0' <= c && c <= '9':
		l.number()
	case letter(c) || c == '_' || c >= 0x80:
		l.identifier()
	case c == '@' || c == ':': // a parameter's name, as in :1 and @p2
		for l.at++; l.at < len(l.text) && (letter(l.text[l.at]) || '0' <= l.text[l.at] && l.text[l.at] <= '9'); l.at++ {
		}
	default:
		l.at++
	}
}

// replace puts with in place of the text up to end.
func (l *literal) replace(end int, with string) {
	if l.out == nil {
		l.out = make([]byte, 0, len(l.text))
	}
	l.out = append(l.out, l.text[l.done:l.at]...)
	l.out = append(l.out, with...)
	l.at, l.done = end, end
}

// closing is where what is enclosed in quotes from here on ends; -1 if that is not certain.
func (l *literal) closing(quote byte) int {
	for i := l.at + 1; i < len(l.text); i++ {
		switch {
		case l.text[i] == '\\':
			return -1
		case l.text[i] != quote:
		case i+1 < len(l.text) && l.text[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return -1
}

func (l *literal) enclosed(quote byte) {
	end := l.closing(quote)
	if end < 0 {
		end = len(l.text)
	}
	l.replace(end, omitted)
}

// name leaves a name in quotes.
func (l *literal) name(quote byte) {
	end := l.closing(quote)
	if end < 0 || l.secret {
		l.secret = false
		l.enclosed(quote)
		return
	}
	l.at = end
}

// dollar reads a string of PostgreSQL between $$ or $tag$, or a parameter.
func (l *literal) dollar() {
	rest := l.text[l.at:]
	i := 1
	for i < len(rest) && (letter(rest[i]) || rest[i] == '_' || '0' <= rest[i] && rest[i] <= '9') {
		i++
	}
	if i == len(rest) || rest[i] != '$' || i > 1 && '0' <= rest[1] && rest[1] <= '9' {
		l.at += i
		return
	}
	mark := rest[:i+1]
	end := strings.Index(rest[len(mark):], mark)
	if end < 0 {
		l.replace(len(l.text), omitted)
		return
	}
	l.replace(l.at+end+2*len(mark), omitted)
}

// number reads 42, 4.2, 0x2a and 1e9, with whatever letters follow.
func (l *literal) number() {
	end := l.at
	for end < len(l.text) && (letter(l.text[end]) || '0' <= l.text[end] && l.text[end] <= '9' || l.text[end] == '.' || l.text[end] == '_') {
		end++
	}
	l.replace(end, omitted)
}

// identifier reads a word. One before a quote is the prefix of a string: N'..', E'..', and q'[..]' of Oracle, whose end is its own.
func (l *literal) identifier() {
	end := l.at
	for end < len(l.text) && (letter(l.text[end]) || '0' <= l.text[end] && l.text[end] <= '9' || l.text[end] == '_' || l.text[end] == '$' || l.text[end] >= 0x80) {
		end++
	}
	word := strings.ToLower(l.text[l.at:end])
	switch {
	case l.secret:
		l.secret = false
		l.replace(end, omitted)
	case end < len(l.text) && l.text[end] == '\'' && (word == "q" || word == "nq"):
		l.replace(len(l.text), omitted)
	default:
		l.secret = word == "by" && l.word == "identified"
		l.at = end
	}
	l.word = word
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
