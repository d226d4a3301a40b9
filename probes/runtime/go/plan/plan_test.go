package plan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/databasesql"
	"github.com/throughline/throughline/probes/runtime/go/grpc"
	"github.com/throughline/throughline/probes/runtime/go/library"
	"github.com/throughline/throughline/probes/runtime/go/nethttp"
	"github.com/throughline/throughline/probes/runtime/go/otelsdk"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// TestProgram plans for a program that has all there is. On amd64 every probe is at
// an instruction that the kernel emulates; of arm64's prologues it emulates none.
func TestProgram(t *testing.T) {
	table, err := offsets.Load()
	if err != nil {
		t.Fatal(err)
	}
	libraries := []library.Library{nethttp.Server(), nethttp.Client(), grpc.Server(), grpc.Client(), grpc.Context(), databasesql.Library(), otelsdk.Library()}
	for _, b := range []struct {
		name, arch string
		flags      []string
	}{
		{"amd64", "amd64", nil},
		{"stripped", "amd64", []string{"-ldflags=-s -w"}},
		{"position-independent", "amd64", []string{"-buildmode=pie"}},
		{"arm64", "arm64", nil},
	} {
		t.Run(b.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "calls")
			cmd := exec.Command("go", append(append([]string{"build", "-p", "1", "-o", out}, b.flags...), "./testdata/calls")...)
			cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOARCH="+b.arch)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("building: %v\n%s", err, text)
			}
			f, err := gobin.OpenFile(out)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p, err := plan.Make(f, libraries, table)
			if err != nil {
				t.Fatal(err)
			}
			check(t, p, b.arch)
			checkCopy(t, f, table)
		})
	}
}

// check compares a plan with what the program has.
func check(t *testing.T, p *plan.Plan, arch string) {
	for _, note := range p.Notes {
		t.Log(note)
	}
	sites := map[string]int{}
	for _, probe := range p.Probes {
		t.Logf("%-16s %-20s %-70s %s (%s)", probe.Library, probe.Program, probe.Function, probe.Instruction, probe.Class)
		sites[probe.Program]++
		if arch == "amd64" && probe.Class != gobin.Emulated {
			t.Errorf("%s of %s is stepped", probe.Program, probe.Function)
		}
	}
	header := map[string]int{"amd64": 1}[arch]
	for program, want := range map[string]int{
		"go_write_grpc_fields": header, "go_write_grpc": header, "go_write_frame": header,
		"go_grpc_handle": 1, "go_grpc_status": 2,
		"go_grpc_attempt": 1, "go_grpc_given_up": 1, "go_grpc_finish": 1,
		"go_sql_query": 1, "go_sql_exec": 1, "go_sql_prepared": 2, "go_sql_connected": 1, "go_sql_rows": 1, "go_sql_put": 1, "go_sql_release": 2,
		"go_sdk_start": 1,
	} {
		if sites[program] != want {
			t.Errorf("%s: %d sites, want %d", program, sites[program], want)
		}
	}
	for number := abi.GoGrpcStreamCtx; number < abi.GoFields; number++ {
		if number > abi.GoGrpcServerStreamSt && number < abi.GoSdkSpanContext {
			continue // of net/http, of what is written, and of routes
		}
		if p.Program.Field[number] == uint16(abi.GoAbsent) {
			t.Errorf("field %d is not known", number)
		}
	}
}

// checkCopy: the HTTP/2 of golang.org/x/net is probed as net/http's own is, but not
// when its fields are elsewhere.
func checkCopy(t *testing.T, f *gobin.File, table *offsets.Table) {
	linked := 0 // built by Go 1.27 it leads to net/http's own
	if strings.HasPrefix(f.GoVersion, "go1.26") {
		linked = 1
	}
	server := nethttp.Server()
	for _, want := range []int{linked, 0} {
		p, err := plan.Make(f, []library.Library{server}, table)
		if err != nil {
			t.Fatal(err)
		}
		copies := 0
		for _, probe := range p.Probes {
			if strings.HasPrefix(probe.Function, "golang.org/x/net/") {
				copies++
			}
		}
		if copies != want {
			t.Errorf("%d probes in golang.org/x/net instead of %d", copies, want)
		}
		for i := range server.Probes {
			for j := range server.Probes[i].Alike {
				server.Probes[i].Alike[j].Number = abi.GoResponseStatus
			}
		}
	}
}
