package redact

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func redactor(t testing.TB, c Config) *Redactor {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func stub(attributes ...attribute.KeyValue) tracetest.SpanStub {
	return tracetest.SpanStub{Name: "GET", Attributes: attributes}
}

// of is what is left of attributes, as text.
func of(r *Redactor, attributes ...attribute.KeyValue) string {
	var all []string
	for _, a := range r.Span(stub(attributes...).Snapshot()).Attributes() {
		all = append(all, string(a.Key)+"="+a.Value.Emit())
	}
	return strings.Join(all, " ")
}

// typical is what a served request has.
func typical(path string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("http.request.method", "GET"), attribute.String("url.path", path), attribute.String("url.scheme", "http"),
		attribute.String("server.address", "shop.example.com"), attribute.Int("server.port", 8080), attribute.Int("http.response.status_code", 200),
		attribute.String("network.protocol.version", "1.1"), attribute.Int("http.request.body.size", 0), attribute.Int("http.response.body.size", 512),
		attribute.String("network.peer.address", "10.0.0.2"), attribute.Int("network.peer.port", 51000), attribute.String("client.address", "10.0.0.2"),
		attribute.Int("client.port", 51000), attribute.String("network.type", "ipv4"), attribute.String("http.route", "/orders/{id}"),
	}
}

// held is a span that can be compared.
type held struct{ sdktrace.ReadOnlySpan }

// TestUnchanged: what has no secret is the very span, at no allocation.
func TestUnchanged(t *testing.T) {
	r := redactor(t, Config{Rules: []Rule{{Attribute: "tenant.*", Pattern: "x"}}, Limits: Limits{Attributes: limit{true, 128}}})
	span := sdktrace.ReadOnlySpan(&held{stub(typical("/orders/42")...).Snapshot()})
	if r.Span(span) != span {
		t.Error("it is another span")
	}
	if n := testing.AllocsPerRun(100, func() { r.Span(span) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if r.Samples()[0].Value != 0 {
		t.Error("it is counted")
	}
	secret := sdktrace.ReadOnlySpan(&held{stub(typical("/users/jane@example.com")...).Snapshot()})
	off := redactor(t, Config{Off: true})
	if off.Span(secret) != secret {
		t.Error("what is off changes spans")
	}
}

func TestSpan(t *testing.T) {
	s := stub(attribute.String("url.path", "/users/jane@example.com"), attribute.Int("http.response.status_code", 500))
	s.Name, s.Status = "GET /users/jane@example.com", sdktrace.Status{Code: codes.Error, Description: "jane@example.com is gone"}
	s.Events = []sdktrace.Event{{Name: "a"}, {Name: "jane@example.com", Attributes: []attribute.KeyValue{attribute.String("b", "x=jane@example.com")}}}
	s.Links = []sdktrace.Link{{}, {Attributes: []attribute.KeyValue{attribute.String("b", "jane@example.com")}}}
	before := s.Snapshot()
	r := redactor(t, Config{})
	after := r.Span(before)
	if after.Name() != "GET /users/REDACTED" || after.Status().Description != "REDACTED is gone" || after.Status().Code != codes.Error ||
		after.Events()[0].Name != "a" || after.Events()[1].Name != "REDACTED" || after.Events()[1].Attributes[0].Value.AsString() != "x=REDACTED" ||
		after.Links()[1].Attributes[0].Value.AsString() != "REDACTED" || after.Attributes()[1].Value.AsInt64() != 500 {
		t.Errorf("%+v", tracetest.SpanStubFromReadOnlySpan(after))
	}
	if before.Name() != s.Name || before.Attributes()[0].Value.AsString() != "/users/jane@example.com" || before.Events()[1].Name != "jane@example.com" {
		t.Error("the span itself was changed")
	}
	if figures := r.Samples(); figures[0].Value != 1 {
		t.Errorf("%+v", figures)
	}
}

func TestAttributes(t *testing.T) {
	r := redactor(t, Config{Headers: []string{"X-Request-Id", "cookie"}})
	for want, given := range map[string]attribute.KeyValue{
		"url.full=https://h/p":          attribute.String("url.full", "https://h/p?a=b#c"),
		"url.full=https://REDACTED@h/p": attribute.String("url.full", "https://u@h/p"),
		"url.path=/p":                   attribute.String("url.path", "/p?a"),
		"http.target=/p":                attribute.String("http.target", "/p?a"),
		"":                              attribute.String("url.query", "a=b"),
		"http.request.header.x-request-id=[\"a\"]":  attribute.StringSlice("http.request.header.x-request-id", []string{"a"}),
		"http.request.header.x_request_id=[\"a\"]":  attribute.StringSlice("http.request.header.x_request_id", []string{"a"}),
		"http.request.header.cookie=[\"REDACTED\"]": attribute.StringSlice("http.request.header.cookie", []string{"a=b", "c"}),
		"db.query.parameter.0=REDACTED":             attribute.Int("db.query.parameter.0", 4),
		"a=[\"x\",\"REDACTED\"]":                    attribute.StringSlice("a", []string{"x", "jane@example.com"}),
		"n=[1,2]":                                   attribute.IntSlice("n", []int{1, 2}),
		"http.request.method=GET":                   attribute.String("http.request.method", "GET"),
		"http.response.status_code=200":             attribute.Int("http.response.status_code", 200),
		"http.request.header_count=3":               attribute.Int("http.request.header_count", 3),
	} {
		if got := of(r, given); got != want {
			t.Errorf("%s: %s, want %s", given.Key, got, want)
		}
	}
	if got := of(r, attribute.StringSlice("http.request.header.x-other", []string{"a"})); got != "" {
		t.Error(got)
	}
	if got := of(r, attribute.Map("m", attribute.String("mail", "jane@example.com"))); strings.Contains(got, "jane") {
		t.Error(got)
	}
}

func TestStatements(t *testing.T) {
	f := func(system, text, want string) {
		t.Helper()
		r := redactor(t, Config{})
		got := of(r, attribute.String("db.system.name", system), attribute.String("db.query.text", text))
		if got = strings.TrimPrefix(got, "db.system.name="+system+" db.query.text="); got != want {
			t.Errorf("%s: %s becomes %s, want %s", system, text, got, want)
		}
	}
	f("postgresql", `SELECT "id" FROM "users" WHERE a = 'x' AND b = $1 AND c < 17`, `SELECT "id" FROM "users" WHERE a = ? AND b = $1 AND c < ?`)
	f("mysql", "SELECT `id` FROM users WHERE a = \"x\" LIMIT 5", "SELECT `id` FROM users WHERE a = ? LIMIT ?")
	f("postgresql", "SELECT a1, b_2 FROM t3", "SELECT a1, b_2 FROM t3")
	f("sqlite", "INSERT INTO t VALUES (1, -2.5e3, 0xFF, 'it''s', NULL, :name, @p2, ?)", "INSERT INTO t VALUES (?, -?, ?, ?, NULL, :name, @p2, ?)")
	f("microsoft.sql_server", "SELECT [Order Id] FROM [t] WHERE a = N'x'", "SELECT [Order Id] FROM [t] WHERE a = N?")
	f("postgresql", "SELECT $$a$$, $tag$b$tag$, $2", "SELECT ?, ?, $2")
	f("postgresql", "/* x */ SELECT 1 -- y\nFROM t", " SELECT ? \nFROM t")
	f("postgresql", `SELECT 'a\' OR 1`, `SELECT ?`)
	f("redis", "SET key value", "SET ?")
	f("redis", "PING", "PING")
	f("mongodb", `{"find": "users"}`, "?")
	f("other_sql", "(SELECT 1) UNION (SELECT 2)", "(SELECT ?) UNION (SELECT ?)")
	f("other_sql", "users of jane", "users ?")
	f("oracle.db", "CREATE USER bob IDENTIFIED BY tiger", "CREATE USER bob IDENTIFIED BY ?")
	f("oracle.db", `CREATE USER bob IDENTIFIED BY "tiger" x`, `CREATE USER bob IDENTIFIED BY ? x`)
}

// FuzzStatement: a string in quotes is not in what is left, whatever stands around it.
func FuzzStatement(f *testing.F) {
	f.Add("SELECT * FROM t WHERE a = ", " AND b", uint8(0))
	f.Add("/* ", " */", uint8(1))
	f.Add("SELECT 1 -- ", "\nFROM t", uint8(2))
	systems := []string{"postgresql", "mysql", "sqlite", "redis", "", "microsoft.sql_server", "oracle.db"}
	f.Fuzz(func(t *testing.T, before, behind string, n uint8) {
		const secret = "Zq9literal"
		if strings.ContainsAny(before, "'\"`$\\") || strings.Contains(before+behind, secret) {
			t.Skip("the quote below is no beginning of a string")
		}
		text := before + "'" + secret + "'" + behind
		if got := sanitised(text, systems[int(n)%len(systems)]); strings.Contains(got, secret) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestRules(t *testing.T) {
	text := func(s string) *string { return &s }
	f := func(rule Rule, given attribute.KeyValue, want string) {
		t.Helper()
		if got := of(redactor(t, Config{Salt: "pepper", Rules: []Rule{rule}}), given); got != want {
			t.Errorf("%+v: %s, want %s", rule, got, want)
		}
	}
	f(Rule{Attribute: "url.path", Pattern: `tenant-(\d)\d*`, Replace: text("tenant-$1")}, attribute.String("url.path", "/tenant-123/x"), "url.path=/tenant-1/x")
	f(Rule{Attribute: "url.*", Pattern: "a+"}, attribute.String("url.path", "/aaa/b"), "url.path=/REDACTED/b")
	f(Rule{Attribute: "url.*", Pattern: "a+"}, attribute.String("other", "/aaa/b"), "other=/aaa/b")
	f(Rule{Attribute: "url.p?t*", Pattern: "a+"}, attribute.String("url.path", "/aaa/b"), "url.path=/REDACTED/b")
	f(Rule{Attribute: "*", Replace: text("")}, attribute.Int("n", 17), "n=")
	f(Rule{Attribute: "user.id", Hash: true}, attribute.String("user.id", "jane"), "user.id=26a0ed1775b501ad")
	f(Rule{Attribute: "url.path", Pattern: "jane@[a-z.]+", Hash: true}, attribute.String("url.path", "/u/jane@example.com"), "url.path=/u/1c5ece9926f32bef")
	r := redactor(t, Config{Rules: []Rule{{Attribute: "span.name", Pattern: "x"}, {Attribute: "status.description"}}})
	s := stub()
	s.Name, s.Status = "x y", sdktrace.Status{Code: codes.Error, Description: "z"}
	if got := r.Span(s.Snapshot()); got.Name() != "REDACTED y" || got.Status().Description != "REDACTED" {
		t.Errorf("%q, %+v", got.Name(), got.Status())
	}
	for want, bad := range map[string]Config{
		"rule 1 of redaction: it names no attribute": {Rules: []Rule{{Pattern: "a"}}},
		"no salt is set":        {Rules: []Rule{{Attribute: "a", Hash: true}}},
		"both replace and hash": {Salt: "a", Rules: []Rule{{Attribute: "a", Hash: true, Replace: text("")}}},
		`rule 2 of redaction: pattern "(" cannot be used`:      {Rules: []Rule{{Attribute: "a"}, {Attribute: "a", Pattern: "("}}},
		`attribute "a[" is no glob`:                            {Rules: []Rule{{Attribute: "a["}}},
		`pattern "(?=a)" cannot be used: error parsing regexp`: {Rules: []Rule{{Attribute: "a", Pattern: "(?=a)"}}},
	} {
		if _, err := New(bad); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	environment := map[string]string{}
	limits := func() (Limits, error) { return LimitsFromEnvironment(func(k string) string { return environment[k] }) }
	l, err := limits()
	if want := (limit{true, 128}); err != nil || l != (Limits{Attributes: want, EventAttributes: want, LinkAttributes: want}) {
		t.Errorf("%+v, %v", l, err)
	}
	environment["OTEL_ATTRIBUTE_COUNT_LIMIT"], environment["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "5", "6"
	environment["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"], environment["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "2", "3"
	if l, err = limits(); err != nil || l != (Limits{limit{true, 2}, limit{true, 5}, limit{true, 5}, limit{true, 3}}) {
		t.Errorf("%+v, %v", l, err)
	}
	r := redactor(t, Config{Off: true, Limits: l})
	got := r.Span(stub(attribute.String("a", "äöüß"), attribute.StringSlice("b", []string{"1234", "1"}), attribute.Int("c", 12345)).Snapshot())
	if a := got.Attributes(); len(a) != 2 || a[0].Value.AsString() != "äöü" || a[1].Value.AsStringSlice()[0] != "123" || got.DroppedAttributes() != 1 {
		t.Errorf("%+v", tracetest.SpanStubFromReadOnlySpan(got))
	}
	// A secret is masked as a whole before it is cut, and what redaction drops is not counted.
	r = redactor(t, Config{Limits: Limits{Attributes: limit{true, 1}, ValueLength: limit{true, 11}}})
	got = r.Span(stub(attribute.String("url.query", "q"), attribute.String("a", "jane@example.com"), attribute.String("b", "x")).Snapshot())
	if a := got.Attributes(); len(a) != 1 || a[0].Value.AsString() != "REDACTED" || got.DroppedAttributes() != 1 || r.Samples()[1].Value != 1 {
		t.Errorf("%+v", tracetest.SpanStubFromReadOnlySpan(got))
	}
	for _, bad := range []string{"-1", "x", "1.5"} {
		environment["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"] = bad
		if _, err := limits(); err == nil || !strings.Contains(err.Error(), "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// BenchmarkSpan is what redaction costs a span.
func BenchmarkSpan(b *testing.B) {
	var rules []Rule
	for i := range 5 {
		rules = append(rules, Rule{Attribute: "url.*", Pattern: fmt.Sprintf(`tenant-%d\d+`, i)})
	}
	sql := stub(attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", "SELECT"), attribute.String("db.query.summary", "SELECT users"))
	sql.Name = "SELECT users"
	for _, c := range []struct {
		name   string
		config Config
		span   tracetest.SpanStub
	}{
		{"served, nothing found", Config{}, stub(typical("/api/v1/orders/12345")...)},
		{"served, uuid", Config{}, stub(typical("/api/v1/orders/550e8400-e29b-41d4-a716-446655440000")...)},
		{"served, generated name", Config{}, stub(typical("/api/v1/pods/coredns-5d78c9869d-x2x9z")...)},
		{"served, e-mail found", Config{}, stub(typical("/api/v1/users/jane@example.com")...)},
		{"served, five rules", Config{Rules: rules}, stub(typical("/api/v1/orders/12345")...)},
		{"statement", Config{}, sql},
		{"off", Config{Off: true}, stub(typical("/api/v1/orders/12345")...)},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, span := redactor(b, c.config), c.span.Snapshot()
			b.ReportAllocs()
			for b.Loop() {
				r.Span(span)
			}
		})
	}
}

// TestAttributesOfNoSpan: what is no span's is redacted by the same rules, those of the user's too, and is itself if nothing has to change.
func TestAttributesOfNoSpan(t *testing.T) {
	hidden := "hidden"
	r, err := New(Config{Rules: []Rule{{Attribute: "server.address", Pattern: `^db\..*`, Replace: &hidden}}, Limits: Limits{Attributes: limit{set: true, most: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	clean := []attribute.KeyValue{attribute.String("http.request.method", "GET"), attribute.String("http.route", "/a/{id}"), attribute.Int("server.port", 80)}
	if got := r.Attributes(clean); !identical(got, clean) {
		t.Errorf("%v is not what was given", got)
	}
	got := r.Attributes([]attribute.KeyValue{attribute.String("http.route", "/to/jane@example.com"), attribute.String("server.address", "db.internal")})
	if len(got) != 2 || got[0].Value.AsString() != "/to/REDACTED" || got[1].Value.AsString() != hidden {
		t.Errorf("got %v", got)
	}
}
