package doctor

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// GoProgram is what was found in the executable of a Go program.
type GoProgram struct {
	Version   string `json:"version"`
	Stripped  bool   `json:"stripped"`
	PIE       bool   `json:"pie"`
	Cgo       bool   `json:"cgo"`
	DebugInfo bool   `json:"debug_info"`
	// SDK: OpenTelemetry's is probed, so that nothing is reported twice.
	SDK bool `json:"sdk"`
	// Libraries are those that can be probed.
	Libraries []GoLibrary `json:"libraries"`
	// Notes are sentences: what cannot be probed and why, and what is a guess.
	Notes []string `json:"notes"`
}

// GoLibrary is one side of a library, with its probes.
type GoLibrary struct {
	Name   string    `json:"name"`
	Probes []GoProbe `json:"probes"`
}

// GoProbe is a kernel program at an instruction of a function.
type GoProbe struct {
	Program     string `json:"program"`
	Function    string `json:"function"`
	Instruction string `json:"instruction"`
	// Site is "emulated" or "stepped": how the kernel gets past the instruction.
	Site string `json:"site"`
}

// describeLibraries says which libraries of a Go program are probed.
func (t *Target) describeLibraries(p *process.Process, r *Report) {
	var err error
	if t.Go, err = examineGo(p.ExecutableHandle(), r.ok("write_user")); err != nil {
		t.Reasons = append(t.Reasons, fmt.Sprintf("Its Go libraries are not probed: %v.", err))
		return
	}
	if len(t.Go.Libraries) == 0 {
		return
	}
	if !r.ok("uprobe") && !r.ok("uprobe_multi") {
		t.Reasons = append(t.Reasons, "Its Go libraries are not probed: uprobes do not work on this host, or were not tried.")
		return
	}
	for _, l := range t.Go.Libraries {
		t.Sources = append(t.Sources, l.Name)
	}
	if !r.ok("write_user") {
		t.Reasons = append(t.Reasons, "What it asks for over TLS, HTTP/2 and gRPC carries no traceparent header: this kernel does not let programs write to a process, see bpf_probe_write_user above.")
	}
	t.probed = true
}

// examineGo reads a Go executable as the agent does; write says whether programs may
// write to a process.
func examineGo(path string, write bool) (*GoProgram, error) {
	f, err := gobin.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	table, err := offsets.Load()
	if err != nil {
		return nil, err
	}
	made, err := plan.Make(f, probes.GoLibraries(write), table)
	if err != nil {
		return nil, err
	}
	g := &GoProgram{
		Version: f.GoVersion, Stripped: f.Stripped, PIE: f.PIE, Cgo: f.Cgo, DebugInfo: f.DWARF,
		SDK:       made.Program.Field[abi.GoSdkSpanKind] != uint16(abi.GoAbsent),
		Libraries: []GoLibrary{}, Notes: append([]string{}, made.Notes...),
	}
	for _, one := range made.Probes {
		g.add(one)
	}
	return g, nil
}

// add adds a probe to its library. Those of a library follow each other.
func (g *GoProgram) add(p plan.Probe) {
	last := len(g.Libraries) - 1
	if last < 0 || g.Libraries[last].Name != p.Library {
		g.Libraries = append(g.Libraries, GoLibrary{Name: p.Library})
		last++
	}
	l := &g.Libraries[last]
	l.Probes = append(l.Probes, GoProbe{Program: p.Program, Function: p.Function, Instruction: p.Instruction, Site: p.Class.String()})
}

// build says in words how the program was built.
func (g *GoProgram) build() []string {
	return []string{
		choose(g.Stripped, "stripped", "not stripped"), choose(g.PIE, "PIE", "not PIE"),
		choose(g.Cgo, "cgo", "no cgo"), choose(g.DebugInfo, "debug information", "no debug information"),
	}
}

func (g *GoProgram) write(b *strings.Builder) {
	b.WriteString("\nGO LIBRARIES\n")
	table := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	for _, l := range g.Libraries {
		name := l.Name
		for _, p := range l.Probes {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", name, p.Program, p.Site, p.Function)
			name = ""
		}
	}
	_ = table.Flush() // into a strings.Builder, which does not fail
	if len(g.Libraries) == 0 {
		b.WriteString("  none that throughline probes\n")
	}
	for _, note := range g.Notes {
		b.WriteString("  - " + note + "\n")
	}
}
