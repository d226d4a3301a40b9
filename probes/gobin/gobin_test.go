package gobin

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const (
	serve     = "net/http.serverHandler.ServeHTTP"
	roundTrip = "net/http.(*Transport).roundTrip"
	finish    = "net/http.(*response).finishRequest"
	query     = "database/sql.(*DB).queryDC"
)

func TestPrograms(t *testing.T) {
	for _, b := range builds() {
		t.Run(b.name, func(t *testing.T) {
			f := open(t, compile(t, b))
			if f.GoVersion != runtime.Version() || f.Arch != b.arch || f.PIE != b.pie || f.Stripped != b.stripped || f.DWARF != b.dwarf || f.Cgo != (b.program == "native") {
				t.Errorf("facts: %+v", f.Facts)
			}
			names := []string{serve, roundTrip, finish, "net/http.noSuchFunction", "x"}
			if b.program == "server" {
				names = append(names, query)
			}
			found, err := f.Functions(names)
			if err != nil || len(found) != len(names)-2 {
				t.Fatalf("found %d of %d functions: %v", len(found), len(names)-2, err)
			}
			for name, fn := range found {
				checkSite(t, f, name, fn)
			}
			checkOffsets(t, f, b.dwarf)
			itab, err := f.ItabOf("*net/http.response", "net/http.ResponseWriter")
			if b.stripped != errors.Is(err, ErrNotFound) || b.stripped != (itab == 0) {
				t.Errorf("itab at %#x: %v", itab, err)
			}
		})
	}
}

// checkSite expects the instruction that a person would choose.
func checkSite(t *testing.T, f *File, name string, fn Function) {
	t.Helper()
	site, err := f.Site(fn)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if fn.Name != name || site.Address <= fn.Address || site.Address-fn.Address != site.Offset-fn.Offset || site.Address-fn.Address > 32 {
		t.Errorf("%s: site %+v of %+v", name, site, fn)
	}
	switch f.Arch {
	case "amd64":
		if site.Instruction != "push %rbp" || site.Class != Emulated {
			t.Errorf("%s: %q, %v", name, site.Instruction, site.Class)
		}
	case "arm64": // the frame is laid out right behind the check
		if !strings.Contains(site.Instruction, "sp") || site.Class != Stepped {
			t.Errorf("%s: %q, %v", name, site.Instruction, site.Class)
		}
	}
}

// A stripped file has the same code at the same instructions.
func TestStrippedAgrees(t *testing.T) {
	sites := func(flags ...string) map[string]Site {
		f := open(t, compile(t, build{program: "server", env: []string{"CGO_ENABLED=0", "GOARCH=amd64"}, flags: flags}))
		found, err := f.Functions([]string{serve, roundTrip, finish, query})
		if err != nil || len(found) != 4 {
			t.Fatalf("found %d functions: %v", len(found), err)
		}
		all := map[string]Site{}
		for name, fn := range found {
			site, err := f.Site(fn)
			if err != nil {
				t.Fatal(err)
			}
			site.Address -= fn.Address
			site.Offset -= fn.Offset
			all[name] = site
		}
		return all
	}
	if whole, stripped := sites(), sites("-ldflags=-s -w"); !maps.Equal(whole, stripped) {
		t.Errorf("sites differ: %v, stripped %v", whole, stripped)
	}
}

func checkOffsets(t *testing.T, f *File, dwarf bool) {
	t.Helper()
	want := map[Field]uint64{}
	add := func(name string, typ reflect.Type) {
		for i := range typ.NumField() {
			want[Field{name, typ.Field(i).Name}] = uint64(typ.Field(i).Offset)
		}
	}
	add("net/http.Request", reflect.TypeFor[http.Request]())
	add("net/url.URL", reflect.TypeFor[url.URL]())
	add("context.valueCtx", reflect.TypeOf(context.WithValue(t.Context(), t, t)).Elem())
	fields := []Field{{"net/http.Request", "noSuchField"}, {"no.Such", "Type"}}
	for field := range want {
		fields = append(fields, field)
	}
	got, err := f.FieldOffsets(fields)
	switch {
	case !dwarf:
		if !errors.Is(err, ErrNoDWARF) {
			t.Errorf("offsets without debug information: %v", err)
		}
	case err != nil || !maps.Equal(got, want):
		t.Errorf("offsets: %v, want %v: %v", got, want, err)
	}
}

func TestSymbolName(t *testing.T) {
	f := func(path, name, want string) {
		t.Helper()
		if got := SymbolName(path, name); got != want {
			t.Errorf("SymbolName(%q, %q) = %q, want %q", path, name, got, want)
		}
	}
	f("net/http", "(*Transport).roundTrip", roundTrip)
	f("google.golang.org/grpc", "(*Server).handleStream", "google.golang.org/grpc.(*Server).handleStream")
	f("gopkg.in/yaml.v3", "(*Decoder).Decode", "gopkg.in/yaml%2ev3.(*Decoder).Decode")
	f("example.com", "F", "example%2ecom.F")
}

func TestModules(t *testing.T) {
	facts := Facts{Main: Module{Path: "a", Version: "(devel)"}, Deps: []Module{{Path: "b", Version: "v1.0.0"}}}
	if m, ok := facts.Module("b"); !ok || m.Version != "v1.0.0" {
		t.Errorf("module b: %+v", m)
	}
	if _, ok := facts.Module("c"); ok {
		t.Error("module c is not there")
	}
}
