package plan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/chi"
	"github.com/throughline/throughline/probes/runtime/go/echo"
	"github.com/throughline/throughline/probes/runtime/go/gin"
	"github.com/throughline/throughline/probes/runtime/go/library"
	"github.com/throughline/throughline/probes/runtime/go/mux"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// TestFrameworks plans for the programs of test/e2e/frameworks: the framework that is
// there, and no other, at one instruction that the kernel emulates.
func TestFrameworks(t *testing.T) {
	table, err := offsets.Load()
	if err != nil {
		t.Fatal(err)
	}
	frameworks := []struct {
		folder  string
		library library.Library
		fields  []abi.GoField
	}{
		{"gin", gin.Library(), []abi.GoField{abi.GoGinFullPath}},
		{"echo", echo.Library(), []abi.GoField{abi.GoEchoPath}},
		{"chi", chi.Library(), []abi.GoField{abi.GoChiPatterns}},
		{"mux", mux.Library(), []abi.GoField{abi.GoMuxPath, abi.GoMuxTemplate, abi.GoMuxType}},
	}
	var all []library.Library
	for _, f := range frameworks {
		all = append(all, f.library)
	}
	for _, f := range frameworks {
		for _, b := range []struct {
			arch  string
			flags []string
		}{{"amd64", nil}, {"amd64", []string{"-ldflags=-s -w"}}, {"arm64", nil}} {
			if b.arch == "arm64" && f.library.Probes[0].Behind == "" {
				continue // a function's beginning, as any other
			}
			t.Run(strings.Join(append([]string{f.folder, b.arch}, b.flags...), " "), func(t *testing.T) {
				file := open(t, f.folder, b.arch, b.flags...)
				p, err := plan.Make(file, all, table)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Probes) != 1 || p.Probes[0].Library != f.library.Name || len(p.Notes) > 0 {
					t.Fatalf("probes %+v, notes %q", p.Probes, p.Notes)
				}
				if one := p.Probes[0]; b.arch == "amd64" && one.Class != gobin.Emulated {
					t.Errorf("%s is stepped: %s", one.Function, one.Instruction)
				}
				for number := abi.GoGinFullPath; number <= abi.GoMuxType; number++ {
					known := p.Program.Field[number] != uint16(abi.GoAbsent)
					if known != slices.Contains(f.fields, number) {
						t.Errorf("field %d: %v", number, known)
					}
				}
				checkMissing(t, file, f.library, table)
			})
		}
	}
}

// checkMissing: a framework without its function or its field is left out, and that is
// told.
func checkMissing(t *testing.T, file *gobin.File, l library.Library, table *offsets.Table) {
	t.Helper()
	renamed := l
	renamed.Probes = slices.Clone(l.Probes)
	renamed.Probes[0].Function += "2"
	unknown := l
	unknown.Fields = append(slices.Clone(l.Fields), library.Of(l.Module, abi.GoMuxType, l.Module+".Context.nothing"))
	for _, changed := range []library.Library{renamed, unknown} {
		p, err := plan.Make(file, []library.Library{changed}, table)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Probes) > 0 || len(p.Notes) == 0 || !strings.HasPrefix(p.Notes[0], l.Name+" is not probed: ") {
			t.Errorf("probes %+v, notes %q", p.Probes, p.Notes)
		}
	}
}

// open builds a program of test/e2e/frameworks.
func open(t *testing.T, folder, arch string, flags ...string) *gobin.File {
	t.Helper()
	out := filepath.Join(t.TempDir(), folder)
	cmd := exec.Command("go", slices.Concat([]string{"build", "-p", "1", "-o", out}, flags, []string{"./" + folder})...)
	cmd.Dir = "../../../../test/e2e/frameworks"
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, text)
	}
	f, err := gobin.OpenFile(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
