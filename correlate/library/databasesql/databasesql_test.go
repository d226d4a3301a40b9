package databasesql

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"go.opentelemetry.io/otel/codes"
	"go.uber.org/goleak"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/probes/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func exchange(t testing.TB, d *Decoder, statement string, flags abi.CallFlag) *flow.Exchange {
	return exchangeOf(t, d, statement, flags, uint16(abi.DatabaseOtherSql))
}

func exchangeOf(t testing.TB, d *Decoder, statement string, flags abi.CallFlag, database uint16) *flow.Exchange {
	e := abi.CallEvent{
		H:     abi.EventHeader{Kind: uint16(abi.EventCall), Ktime: 2000, Tgid: 42, Ctx: abi.TraceContext{SpanId: [8]uint8{7}}},
		Start: 1000, Role: uint8(abi.RoleClient), CallFlags: uint8(flags), Database: database, RequestSize: -1, ResponseSize: -1,
	}
	e.TextLen[abi.TextPath] = uint16(copy(e.Text[:captured], statement))
	e.TextUsed = uint32(e.TextLen[abi.TextPath])
	e.H.Len = uint32(unsafe.Offsetof(e.Text)) + e.TextUsed
	ev := new(event.Event)
	if err := event.Decode(unsafe.Slice((*byte)(unsafe.Pointer(&e)), e.H.Len), ev); err != nil {
		t.Fatal(err)
	}
	return d.Exchange(ev, nil)
}

func written(x *flow.Exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", x.Kind, x.Name)
	if x.Status == codes.Error {
		fmt.Fprintf(&b, " error %q", x.Description)
	}
	for _, kv := range x.Attributes {
		fmt.Fprintf(&b, "\n%s=%s", kv.Key, kv.Value.Emit())
	}
	return b.String()
}

func TestExchange(t *testing.T) {
	d := New()
	for _, c := range []struct {
		statement string
		flags     abi.CallFlag
		want      string
	}{
		{"select * from Users where name = 'secret'", 0, `client SELECT Users
db.system.name=other_sql
db.operation.name=SELECT
db.query.summary=SELECT Users
db.collection.name=Users`},
		{"SELECT * FROM a JOIN b USING (id)", abi.CallFailed, `client SELECT a error "the statement failed"
db.system.name=other_sql
db.operation.name=SELECT
db.query.summary=SELECT a
error.type=_OTHER`},
		{"COMMIT", abi.CallExited, `client COMMIT error "process ended before the statement did"
db.system.name=other_sql
db.operation.name=COMMIT
db.query.summary=COMMIT
error.type=process_exit`},
		{"secret", 0, `client other_sql
db.system.name=other_sql`},
	} {
		for range 2 { // the second time it is known
			x := exchange(t, d, c.statement, c.flags)
			if got := written(x); got != c.want {
				t.Errorf("%s: got\n%s\nwant\n%s", c.statement, got, c.want)
			}
			if x.Start != 1000 || x.End != 2000 || x.Tgid != 42 || x.Context.SpanId[0] != 7 {
				t.Errorf("%s: %+v", c.statement, x)
			}
		}
	}
	for i := range 3 * maxKnown {
		exchange(t, d, fmt.Sprintf("SELECT %d", i), 0)
	}
	if len(d.known) > maxKnown {
		t.Errorf("%d statements kept", len(d.known))
	}
}

func TestSystem(t *testing.T) {
	d := New()
	seen := map[string]bool{}
	for number := range d.systems {
		name := d.system(uint16(number)).Value.AsString()
		if name == "" || seen[name] {
			t.Errorf("%d is %q, as another one or none", number, name)
		}
		seen[name] = true
	}
	for number, want := range map[uint16]string{0: "other_sql", 1: "postgresql", 4: "microsoft.sql_server", 5: "oracle.db", 65535: "other_sql"} {
		x := exchangeOf(t, d, "secret", 0, number)
		if got := x.Attributes[0].Value.AsString(); got != want || x.Name != want {
			t.Errorf("%d: system %q, name %q, want %q", number, got, x.Name, want)
		}
	}
}

func TestSummary(t *testing.T) {
	for statement, want := range map[string]string{
		"":                     "",
		"SELECT 1":             "SELECT",
		"select a from t":      "SELECT t",
		"\n\tSELECT a FROM t;": "SELECT t",
		"(SELECT a FROM t) UNION SELECT b FROM u":         "SELECT t +",
		"SELECT a FROM s.t WHERE b = 1":                   "SELECT s.t",
		`SELECT a FROM "My Schema"."T"`:                   "SELECT My Schema.T",
		"SELECT a FROM `db`.`t`":                          "SELECT db.t",
		"SELECT a FROM [dbo].[T x]":                       "SELECT dbo.T x",
		"SELECT a FROM t, u":                              "SELECT t +",
		"SELECT a FROM t x, u y":                          "SELECT t +",
		"SELECT a FROM t LEFT JOIN u ON t.a = u.a":        "SELECT t +",
		"SELECT a FROM t WHERE b IN (1, 2) ORDER BY a, b": "SELECT t",
		"SELECT a FROM t WHERE b IN (SELECT b FROM u)":    "SELECT t +",
		"SELECT (SELECT 1 FROM u) FROM t":                 "SELECT t",
		"SELECT a FROM (SELECT a FROM t) x":               "SELECT",
		"SELECT EXTRACT(YEAR FROM d) FROM t":              "SELECT t",
		"SELECT a IS DISTINCT FROM b FROM t":              "SELECT t",
		"SELECT * FROM generate_series(1, 3)":             "SELECT",
		"SELECT * FROM ONLY t":                            "SELECT t",
		"SELECT * FROM WHERE":                             "SELECT",
		"SELECT * FROM ?":                                 "SELECT",
		"SELECT * FROM $1":                                "SELECT",
		"SELECT * FROM 12":                                "SELECT",
		"SELECT * FROM 'secret'":                          "SELECT",
		"SELECT '1' AS \"FROM secret\" FROM t":            "SELECT t",
		"SELECT 'a FROM secret', 'it''s FROM x' FROM t":   "SELECT t",
		"SELECT $$a FROM secret$$ FROM t":                 "SELECT t",
		"SELECT $x$a FROM $$ secret$x$ FROM t":            "SELECT t",
		"SELECT $$a FROM secret":                          "SELECT",
		// Where the dialects differ, nothing more is said.
		`SELECT 'a\' FROM secret, ' FROM t`:                                     "SELECT",
		"SELECT a #> '{\n FROM secret}' FROM t":                                 "SELECT",
		"SELECT 5--'\n FROM secret' FROM t":                                     "SELECT",
		"SELECT ARRAY['a]FROM secret'] FROM t":                                  "SELECT",
		"SELECT /* /* */ FROM secret */ 1 FROM t":                               "SELECT",
		`SELECT 1 FROM "a""b"`:                                                  "SELECT",
		"-- name: Get :one\nSELECT a FROM t":                                    "SELECT t",
		"--name\n# more\n/* FROM x */ SELECT a FROM t":                          "SELECT t",
		"SELECT a -- FROM secret\nFROM t":                                       "SELECT t",
		"SELECT a /* FROM secret */ FROM/**/t":                                  "SELECT t",
		"INSERT INTO t (a, b) VALUES (1, 'x')":                                  "INSERT t",
		"INSERT INTO t(a) SELECT a FROM u":                                      "INSERT t",
		"INSERT OR IGNORE INTO t VALUES (1)":                                    "INSERT t",
		"insert ignore into t set a = 1":                                        "INSERT t",
		"REPLACE INTO t VALUES (1)":                                             "REPLACE t",
		"UPDATE t SET a = 'FROM secret'":                                        "UPDATE t",
		"UPDATE ONLY t SET a = 1, b = 2":                                        "UPDATE t",
		"UPDATE t SET a = u.a FROM u":                                           "UPDATE t +",
		"DELETE FROM t WHERE a = 1":                                             "DELETE t",
		"DELETE FROM t USING u":                                                 "DELETE t",
		"MERGE INTO t USING u ON t.a = u.a":                                     "MERGE t +",
		"TRUNCATE TABLE t":                                                      "TRUNCATE t",
		"CREATE TABLE IF NOT EXISTS t (a int, b int)":                           "CREATE TABLE t",
		"CREATE TEMPORARY TABLE t (a int)":                                      "CREATE TABLE t",
		"CREATE UNIQUE INDEX i ON t (a)":                                        "CREATE INDEX",
		"ALTER TABLE t ADD a int":                                               "ALTER TABLE t",
		"DROP TABLE IF EXISTS t":                                                "DROP TABLE t",
		"CREATE secret":                                                         "CREATE",
		"WITH x AS (SELECT a FROM u) SELECT * FROM x":                           "SELECT",
		"WITH RECURSIVE x(a) AS (SELECT 1), y AS (SELECT 2) SELECT * FROM t, x": "SELECT t +",
		"WITH x AS (DELETE FROM u RETURNING *) INSERT INTO t SELECT * FROM x":   "INSERT t",
		"WITH x":                  "",
		"CALL p('secret')":        "CALL",
		"PRAGMA key = 'secret'":   "PRAGMA",
		"SET PASSWORD = 'secret'": "SET",
		"secret":                  "",
		"'SELECT' a FROM t":       "",
		"\xff\xfe":                "",
		"SELECT a FROM \xff":      "SELECT",
		"SELECT a FROM t\x00":     "SELECT t",
		"SELECT a FROM " + strings.Repeat("t", 129): "SELECT",
		"SELECT a FROM s.":                          "SELECT",
		"BEGIN; SELECT a FROM t":                    "BEGIN",
		"SELECT a; SELECT b FROM t":                 "SELECT",
		"))(SELECT":                                 "",
	} {
		s := summarise(statement, false)
		got := s.text
		if s.table == "" && strings.HasPrefix(s.text, s.operation+" ") {
			got += " +" // more tables
		} else if s.table != "" && s.text != s.operation+" "+s.table {
			t.Errorf("%q: %+v", statement, s)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", statement, got, want)
		}
	}
}

// Half a name is none.
func TestCut(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT a FROM secr":    "SELECT",
		"SELECT a FROM s.secr":  "SELECT",
		"SELECT a FROM t WHERE": "SELECT t",
		"SELECT a FROM \"secr":  "SELECT",
		"SELECT a, 'secr":       "SELECT",
		"SELEC":                 "",
	} {
		if got := summarise(statement, true).text; got != want {
			t.Errorf("%q: %q, want %q", statement, got, want)
		}
	}
}

// FuzzSummary takes any text. What stands in quotes is not told, whatever the
// dialect makes of it.
func FuzzSummary(f *testing.F) {
	for _, s := range []string{
		"SELECT a FROM t", "WITH x AS (SELECT 1) SELECT * FROM x, y", "INSERT INTO `a`.b VALUES ('x')", "UPDATE [t] SET a = $1 -- x",
		"SELECT $a$ b $a$ FROM t", "CREATE TABLE t", "DELETE /* x */ FROM t", `SELECT 'a\'b'`,
	} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, statement string, cut bool) {
		s := summarise(statement, cut)
		if s.operation == "" && s != (summary{}) || len(s.text) > len("CREATE PROCEDURE ")+maxTable || !utf8.ValidString(s.text) {
			t.Errorf("%q: %+v", statement, s)
		}
		_, table, _ := strings.Cut(s.text, s.operation+" ")
		for part := range strings.SplitSeq(table, ".") {
			if !strings.Contains(statement, part) {
				t.Errorf("%q: %+v", statement, s)
			}
		}
		hidden := "SELECT 'x FROM s3cret' FROM " + statement
		if s := summarise(hidden, cut); strings.Contains(s.text, "s3cret") && !strings.Contains(statement, "s3cret") {
			t.Errorf("%q: %+v", hidden, s)
		}
	})
}
