// Package plan works out for one Go executable which libraries can be probed, at
// which instructions, and where the fields are that the kernel programs read.
package plan

import (
	"errors"
	"fmt"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// A Plan is what to do with one executable.
type Plan struct {
	Program abi.GoProgram
	Probes  []Probe
	// Notes say in a sentence each what cannot be probed, or is a guess.
	Notes []string
}

// A Probe is a kernel program at an instruction.
type Probe struct {
	Library  string
	Object   string
	Program  string
	Function string
	gobin.Site
}

// Make reads the executable. Libraries that are not linked in, or that cannot be
// probed, are left out; only a file that cannot be read is an error.
func Make(f *gobin.File, libraries []library.Library, table *offsets.Table) (*Plan, error) {
	p := &Plan{}
	for i := range p.Program.Field {
		p.Program.Field[i] = uint16(abi.GoAbsent)
	}
	functions, err := f.Functions(names(libraries))
	if err != nil {
		return nil, fmt.Errorf("looking for library functions: %w", err)
	}
	var linked []library.Library
	for _, l := range libraries {
		if isLinked(f, l, functions) {
			linked = append(linked, l)
		}
	}
	if len(linked) == 0 {
		return p, nil
	}
	found := newReader(f, table, linked)
	for _, l := range linked {
		p.add(f, l, functions, found)
	}
	p.Notes = append(p.Notes, found.notes...)
	return p, nil
}

// isLinked tells whether the program has the library, as far as its first function
// or its module tells.
func isLinked(f *gobin.File, l library.Library, functions map[string]gobin.Function) bool {
	if l.Arch != "" && l.Arch != f.Arch {
		return false
	}
	if _, ok := functions[l.Probes[0].Function]; ok || l.Probes[0].Optional {
		return true
	}
	if l.Module == "" {
		return false
	}
	_, ok := f.Module(l.Module)
	return ok
}

// names lists the functions of all libraries.
func names(libraries []library.Library) []string {
	var all []string
	for _, l := range libraries {
		for _, probe := range l.Probes {
			all = append(all, probe.Function)
			if probe.Behind != "" {
				all = append(all, probe.Behind)
			}
		}
	}
	return all
}

// add adds all of a library, or a note why not.
func (p *Plan) add(f *gobin.File, l library.Library, functions map[string]gobin.Function, found *reader) {
	program := p.Program
	if missing := found.fields(l, &program); missing != "" {
		p.Notes = append(p.Notes, fmt.Sprintf("%s is not probed: where %s is in this program is not known", l.Name, missing))
		return
	}
	var probes []Probe
	for _, one := range l.Probes {
		site, err := place(f, one, functions, &program)
		if err == nil {
			err = found.alike(one, &program)
		}
		if err != nil && one.Optional {
			continue
		}
		if err != nil {
			p.Notes = append(p.Notes, fmt.Sprintf("%s is not probed: %v", l.Name, err))
			return
		}
		probes = append(probes, Probe{Library: l.Name, Object: l.Object, Program: one.Program, Function: one.Function, Site: site})
	}
	if len(l.Drivers) > 0 {
		program.Database = uint32(database(f.Facts, l.Drivers))
	}
	p.Program = program
	p.Probes = append(p.Probes, probes...)
}

var errNotLinked = errors.New("not in the program, or inlined")

func place(f *gobin.File, probe library.Probe, functions map[string]gobin.Function, program *abi.GoProgram) (gobin.Site, error) {
	fn, ok := functions[probe.Function]
	if !ok {
		return gobin.Site{}, fmt.Errorf("%s: %w", probe.Function, errNotLinked)
	}
	if probe.Behind == "" {
		return f.Site(fn)
	}
	callee, ok := functions[probe.Behind]
	if !ok {
		return gobin.Site{}, fmt.Errorf("%s: %w", probe.Behind, errNotLinked)
	}
	branch, err := f.BranchBehind(fn, callee, probe.Results)
	if err != nil {
		return gobin.Site{}, err
	}
	if probe.Slot != nil {
		displacement, err := branch.Slot(probe.Slot.Argument)
		if err != nil {
			return gobin.Site{}, err
		}
		probe.Slot.Set(program, displacement)
	}
	return branch.Site, nil
}
