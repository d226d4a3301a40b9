package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// A reader knows the offsets of one executable's fields: from the table if its
// very version was read, else from its debug information, else from the table's
// nearest version.
type reader struct {
	file  *gobin.File
	table *offsets.Table
	debug map[gobin.Field]uint64 // nil: none
	notes []string
	noted map[string]bool
}

func newReader(f *gobin.File, table *offsets.Table, libraries []library.Library) *reader {
	r := &reader{file: f, table: table, noted: map[string]bool{}}
	var guessed []gobin.Field
	for _, l := range libraries {
		fields := l.Fields
		for _, probe := range l.Probes {
			fields = slices.Concat(fields, probe.Alike)
		}
		for _, field := range fields {
			for _, path := range field.Paths {
				for _, one := range path {
					if o, ok := r.lookup(field.Module, one); !ok || o.Nearest {
						guessed = append(guessed, one)
					}
				}
			}
		}
	}
	if len(guessed) == 0 || !f.DWARF {
		return r
	}
	var err error
	if r.debug, err = f.FieldOffsets(guessed); err != nil && !errors.Is(err, gobin.ErrNoDWARF) {
		r.note("debug", fmt.Sprintf("its debug information is of no use: %v", err))
	}
	return r
}

// lookup asks the table for the version that is linked in. A patch release is laid
// out as its minor version is.
func (r *reader) lookup(module string, field gobin.Field) (offsets.Offset, bool) {
	version := r.version(module)
	o, ok := r.table.Lookup(module, version, field)
	if ok && module == offsets.Std && sameMinor(o.From, version) {
		o.Nearest = false
	}
	return o, ok
}

func (r *reader) version(module string) string {
	if module == offsets.Std {
		return r.file.GoVersion
	}
	m, ok := r.file.Module(module)
	if !ok || m.Replaced {
		return ""
	}
	return m.Version
}

// sameMinor compares "go1.26.8" with "go1.26.1", not with "go1.27rc1".
func sameMinor(a, b string) bool { return minor(a) == minor(b) }

func minor(version string) string {
	if i := strings.IndexByte(version, '.'); i >= 0 {
		if j := strings.IndexFunc(version[i+1:], func(c rune) bool { return c < '0' || c > '9' }); j >= 0 {
			return version[:i+1+j]
		}
	}
	return version
}

// fields fills in the offsets of a library's fields. It returns the name of one that
// is needed and not known, or "".
func (r *reader) fields(l library.Library, program *abi.GoProgram) (missing string) {
	for _, field := range l.Fields {
		offset, ok := r.offset(field)
		switch {
		case ok && offset < uint64(abi.GoAbsent):
			program.Field[field.Number] = uint16(offset)
		case !field.Optional:
			last := field.Paths[0][len(field.Paths[0])-1]
			return last.Type + "." + last.Name
		}
	}
	return ""
}

// alike says which field of a probe's copied code is elsewhere than the library's own.
func (r *reader) alike(probe library.Probe, program *abi.GoProgram) error {
	for _, field := range probe.Alike {
		if offset, ok := r.offset(field); !ok || offset != uint64(program.Field[field.Number]) {
			one := field.Paths[0][0]
			return fmt.Errorf("%s: %s.%s is elsewhere", probe.Function, one.Type, one.Name)
		}
	}
	return nil
}

// offset takes the first of a field's paths that is there.
func (r *reader) offset(field library.Field) (uint64, bool) {
	for _, path := range field.Paths {
		var sum uint64
		whole := true
		for _, one := range path {
			at, ok := r.one(field.Module, one)
			sum, whole = sum+at, whole && ok
		}
		if whole {
			return sum, true
		}
	}
	return 0, false
}

func (r *reader) one(module string, field gobin.Field) (uint64, bool) {
	if at, ok := r.debug[field]; ok {
		return at, true
	}
	o, ok := r.lookup(module, field)
	if ok && o.Nearest {
		r.note(module, fmt.Sprintf("the layout of %s %s is taken to be that of %s", module, r.version(module), o.From))
	}
	return o.Bytes, ok
}

func (r *reader) note(about, sentence string) {
	if !r.noted[about] {
		r.noted[about] = true
		r.notes = append(r.notes, sentence)
	}
}
