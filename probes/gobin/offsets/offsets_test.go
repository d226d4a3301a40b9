package offsets

import (
	"bytes"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/throughline/throughline/probes/gobin"
)

func TestRoundTrip(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, table.Readings()); err != nil {
		t.Fatal(err)
	}
	if b.String() != embedded {
		t.Error("the table is not as it would be written: run go generate")
	}
}

// The offsets of the Go that runs the test are known from reflection.
func TestOwnVersion(t *testing.T) {
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, typ reflect.Type, fields ...string) {
		t.Helper()
		for _, field := range fields {
			f, ok := typ.FieldByName(field)
			got, known := table.Lookup(Std, runtime.Version(), gobin.Field{Type: name, Name: field})
			if !ok || !known || got.Bytes != uint64(f.Offset) {
				t.Errorf("%s.%s in %s: got %+v, want %d", name, field, runtime.Version(), got, f.Offset)
			}
		}
	}
	check("net/http.Request", reflect.TypeFor[http.Request](), "Method", "URL", "Header", "Host", "RemoteAddr", "ctx", "pat")
	check("net/http.Response", reflect.TypeFor[http.Response](), "StatusCode", "Header")
	check("net/url.URL", reflect.TypeFor[url.URL](), "Scheme", "Host", "Path", "RawPath", "RawQuery")
}

func TestLookup(t *testing.T) {
	table, err := parse(`
versions std go1.18 go1.22.0 go1.23.0
std a.T x go1.18 8 go1.23.0 16
std a.T y go1.22.0 24 go1.23.0 -
`)
	if err != nil {
		t.Fatal(err)
	}
	f := func(version, field string, want Offset, ok bool) {
		t.Helper()
		got, found := table.Lookup(Std, version, gobin.Field{Type: "a.T", Name: field})
		if got.From == "" || !found {
			got = Offset{}
		}
		if got != want || found != ok {
			t.Errorf("%s in %s: got %+v, %v, want %+v, %v", field, version, got, found, want, ok)
		}
	}
	f("go1.18", "x", Offset{8, "go1.18", false}, true)
	f("go1.22.0", "x", Offset{8, "go1.22.0", false}, true)
	f("go1.22.7", "x", Offset{8, "go1.22.0", true}, true)
	f("go1.23.0", "x", Offset{16, "go1.23.0", false}, true)
	f("go1.99.1", "x", Offset{16, "go1.23.0", true}, true)
	f("go1.17", "x", Offset{8, "go1.18", true}, true)
	f("go1.18", "y", Offset{}, false)
	f("go1.22.0", "y", Offset{24, "go1.22.0", false}, true)
	f("go1.23.0", "y", Offset{}, false)
	f("go1.22.0", "z", Offset{}, false)
	f("", "x", Offset{}, false)
}

func TestCompare(t *testing.T) {
	sorted := []string{
		"go1.9", "go1.18", "go1.21rc2", "go1.21.0", "go1.21.10", "go1.22.0",
		"v0.0.0-20210101000000-abcdefabcdef", "v0.0.0-20260101000000-abcdefabcdef", "v0.9.0", "v1.0.0-pre", "v1.0.0", "v1.2.0", "v1.10.0+incompatible",
	}
	for _, part := range [][]string{sorted[:6], sorted[6:]} {
		if !slices.IsSortedFunc(part, func(a, b string) int {
			if compare(a, b) >= 0 {
				return 1
			}
			return -1
		}) {
			t.Errorf("not in this order: %v", part)
		}
	}
}

func TestDamagedTable(t *testing.T) {
	for _, text := range []string{"std a.T x", "std a.T x go1.18", "std a.T x go1.18 minus", "std a.T x go1.18 1 go1.19", "std a.T x go1.18 -1"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
