package databasesql

import "strings"

// A summary is what may be told of a statement.
type summary struct {
	operation string // "SELECT"; "" if it is none that is known
	table     string // "" if it is not known, or there are several
	text      string // both, with the first table of several
}

// operations are the first words of statements. Any other first word may be
// anything, and is not told.
var operations = set(`ABORT ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT CLOSE COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE DESC
	DESCRIBE DETACH DISCARD DO DROP END EXEC EXECUTE EXPLAIN FETCH FLUSH GRANT INSERT KILL LISTEN LOAD LOCK MERGE MOVE NOTIFY OPTIMIZE
	PRAGMA PREPARE REFRESH REINDEX RELEASE RENAME REPLACE RESET REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW START TRUNCATE UNLISTEN
	UNLOCK UPDATE UPSERT USE VACUUM VALUES`)

// kinds are what is created, altered and dropped: a part of the operation's name.
var kinds = set(`TABLE INDEX VIEW DATABASE SCHEMA SEQUENCE FUNCTION PROCEDURE TRIGGER TYPE USER ROLE EXTENSION DOMAIN`)

// modifiers stand between an operation and its table.
var modifiers = set(`ONLY IGNORE LOW_PRIORITY HIGH_PRIORITY DELAYED QUICK IF NOT EXISTS TABLE OR ROLLBACK ABORT REPLACE FAIL LATERAL`)

// reserved are words that are never a table's name.
var reserved = set(`SELECT FROM WHERE SET VALUES ON USING ORDER GROUP HAVING LIMIT UNION JOIN INNER LEFT RIGHT FULL CROSS NATURAL INTO
	DEFAULT AS AND NULL WITH RETURNING UNNEST`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// maxTable bounds a table's name in bytes.
const maxTable = 128

// A parser goes through a statement once. It knows just enough of all dialects: what it
// does not understand it leaves out.
type parser struct {
	lexer
	token
	depth int             // of brackets
	ctes  map[string]bool // names that WITH gives to queries
}

// summarise tells what a statement is about. cut says that its end is missing.
func summarise(statement string, cut bool) summary {
	p := &parser{lexer: lexer{source: statement, cut: cut}}
	p.next()
	for p.is('(') {
		p.next()
	}
	p.depth = 0
	if p.keyword() == "WITH" {
		p.with()
	}
	operation := p.keyword()
	if !operations[operation] {
		return summary{}
	}
	s := summary{operation: operation}
	first := p.table(&s)
	s.text = s.operation
	if first != "" {
		s.text += " " + first
		s.table = first
		if p.another(operation) {
			s.table = ""
		}
	}
	return s
}

// next takes the next token and counts brackets.
func (p *parser) next() {
	p.token = p.lexer.next()
	switch {
	case p.is('('):
		p.depth++
	case p.is(')'):
		p.depth--
	case p.is(';'):
		p.kind = end
	}
}

func (p *parser) is(c byte) bool { return p.kind == punctuation && p.text == string(c) }

// keyword is the token as a word in capitals; "" if it is none.
func (p *parser) keyword() string {
	if p.kind != word || len(p.text) > 16 {
		return ""
	}
	return strings.ToUpper(p.text)
}

// with skips queries that have names, up to the statement itself.
func (p *parser) with() {
	p.ctes = map[string]bool{}
	naming := true
	for p.next(); p.kind != end; p.next() {
		k := p.keyword()
		switch {
		case p.depth != 0:
		case p.is(','):
			naming = true
		case naming && k == "RECURSIVE":
		case naming && (p.kind == word || p.kind == quoted):
			p.ctes[strings.ToUpper(p.text)] = true
			naming = false
		case k == "SELECT", k == "INSERT", k == "UPDATE", k == "DELETE", k == "MERGE", k == "REPLACE", k == "VALUES":
			return
		}
	}
}

// table goes to the statement's first table, behind its operation.
func (p *parser) table(s *summary) string {
	switch s.operation {
	case "SELECT", "DELETE":
		if !p.find("FROM") {
			return ""
		}
	case "INSERT", "REPLACE", "MERGE", "UPSERT":
		if !p.find("INTO") {
			return ""
		}
	case "UPDATE", "TRUNCATE":
	case "CREATE", "ALTER", "DROP":
		for p.next(); !kinds[p.keyword()]; p.next() {
			if p.kind != word { // CREATE UNIQUE INDEX, CREATE OR REPLACE VIEW
				return ""
			}
		}
		kind := p.keyword()
		s.operation += " " + kind
		if kind != "TABLE" {
			return ""
		}
	default:
		return ""
	}
	p.next()
	for modifiers[p.keyword()] {
		p.next()
	}
	name := p.name()
	if p.is('(') && (s.operation == "SELECT" || s.operation == "DELETE") {
		return "" // a function
	}
	return name
}

// find goes to a keyword outside of brackets.
func (p *parser) find(keyword string) bool {
	before := ""
	for p.next(); p.kind != end; p.next() {
		k := p.keyword()
		if k == keyword && p.depth == 0 && before != "DISTINCT" { // IS DISTINCT FROM
			return true
		}
		before = k
	}
	return false
}

// name reads a table's name and goes behind it.
func (p *parser) name() string {
	var b strings.Builder
	plain := p.kind == word
	if plain && reserved[p.keyword()] {
		return ""
	}
	for {
		if p.kind != word && p.kind != quoted || !p.fit() {
			return ""
		}
		b.WriteString(p.text)
		p.next()
		if !p.is('.') {
			break
		}
		plain = false
		b.WriteByte('.')
		p.next()
	}
	name := b.String()
	if len(name) > maxTable || plain && p.ctes[strings.ToUpper(name)] {
		return ""
	}
	return name
}

// fit tells whether the token may be a part of a name.
func (p *parser) fit() bool {
	t := p.text
	if t == "" || p.kind == word && '0' <= t[0] && t[0] <= '9' {
		return false
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' && (p.kind == word || c != ' ') || c >= 0x7f {
			return false
		}
	}
	return true
}

// another tells whether the statement names more tables than the one behind which
// the parser stands.
func (p *parser) another(operation string) bool {
	if operation == "INSERT" || operation == "REPLACE" || operation == "UPSERT" || operation == "TRUNCATE" {
		return false
	}
	depth := p.depth
	if p.is('(') {
		depth--
	}
	list := true // in the list of tables
	for ; p.kind != end; p.next() {
		switch k := p.keyword(); {
		case k == "JOIN", k == "FROM", k == "USING" && operation == "MERGE":
			return true
		case p.is(',') && list && p.depth == depth:
			return true
		case k == "WHERE", k == "SET", k == "ORDER", k == "GROUP", k == "LIMIT", k == "RETURNING":
			list = false
		}
	}
	return false
}
