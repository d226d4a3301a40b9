package main

import (
	"strings"
	"testing"
	"time"

	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

func probe(library, program, function string, class gobin.Class) plan.Probe {
	return plan.Probe{Library: library, Program: program, Function: function, Site: gobin.Site{Class: class, Instruction: "push %rbp"}}
}

func TestJudge(t *testing.T) {
	made := []plan.Probe{
		probe(httpServer, "go_http_serve", "serve", gobin.Emulated),
		probe(httpServer, "go_http2_finish", "finish one", gobin.Emulated),
		probe(httpServer, "go_http2_finish", "finish two", gobin.Emulated),
		probe(httpClient, "go_http_connected", "trip", gobin.Emulated),
		probe(httpClient, "go_http_dial", "dial", gobin.Stepped),
	}
	limits := map[string]float64{httpServer: 2, httpClient: 2}
	tests := []struct {
		name string
		runs []runs
		want []string // what problems say
	}{
		{"as it may be", []runs{{"go_http_serve", 1000, 1}, {"go_http2_finish", 1000, 1}, {"go_http_connect", 2000, 1}}, nil},
		{"one at a connection's end", []runs{{"go_http_serve", 2001, 1}, {"go_http_connect", 1000, 1}}, nil},
		{"too many", []runs{{"go_http_serve", 1020, 1}, {"go_http2_finish", 1000, 1}, {"go_http_connected", 1000, 1}},
			[]string{"net/http server has 2.02 hits a request, and may have 2"}},
		{"none", []runs{{"go_http_serve", 1000, 1}}, []string{"net/http client has 0.00 hits"}},
		{"stepped", []runs{{"go_http_serve", 1000, 1}, {"go_http_dial", 1000, 1}}, []string{"go_http_dial in dial is stepped: push %rbp"}},
		{"not in the plan", []runs{{"go_http_serve", 1000, 1}, {"go_http_connect", 1000, 1}, {"go_sql_put", 1000, 1}},
			[]string{"nobody's has 1.00 hits a request, and may have 0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := result{scenario: "x", requests: 1000, runs: tt.runs}
			r.sides = judge(scenario{limits: limits}, r, made)
			got := problems([]result{r})
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestTable(t *testing.T) {
	made := []plan.Probe{
		probe(httpClient, "go_http_connected", "trip", gobin.Emulated),
		probe(httpClient, "go_http_connected", "tour", gobin.Stepped),
	}
	s := scenario{name: "a client", limits: map[string]float64{httpClient: 2}}
	r := result{scenario: s.name, requests: 10, spans: 1, runs: []runs{{"go_http_connect", 15, 15 * time.Microsecond}}}
	r.sides = judge(s, r, made)
	var b strings.Builder
	printTable(&b, []result{r})
	for _, want := range []string{"a client  net/http client", "1.50", "  go_http_connected  1.50", "1000", "emulated  trip", "stepped   tour", "1.00"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// TestKernelNames: the kernel tells programs apart by what it keeps of their names.
func TestKernelNames(t *testing.T) {
	known := map[string]string{}
	for _, l := range probes.GoLibraries(false) {
		for _, p := range l.Probes {
			if !strings.HasPrefix(p.Program, goPrefix) {
				t.Errorf("%s does not begin with %s, and is not counted", p.Program, goPrefix)
			}
			name := kernelName(p.Program)
			if other, ok := known[name]; ok && other != p.Program {
				t.Errorf("%s and %s are both %s to the kernel", p.Program, other, name)
			}
			known[name] = p.Program
		}
	}
}
