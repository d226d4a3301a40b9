// Package offsets knows where the fields of structs lie in each version of Go and
// of some modules, for files without debug information. What it knows was read
// from programs built with these versions, for 64-bit machines.
package offsets

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/throughline/throughline/probes/gobin"
)

//go:generate go run ./generate

//go:embed offsets.txt
var embedded string

// Std is the module of the standard library, whose versions are Go's: "go1.26.8".
const Std = "std"

// Readings are offsets in bytes by module, version and field.
type Readings map[string]map[string]map[gobin.Field]uint64

// A Table answers for versions that were read, and guesses for those between. It
// does not change, and may be used concurrently.
type Table struct {
	versions map[string][]string // that were read, by module, ascending
	runs     map[key][]run
}

type key struct {
	module string
	field  gobin.Field
}

// A run is what holds from a version on, up to the next run.
type run struct {
	since  string
	offset uint64
	absent bool
}

// An Offset is where a field lies.
type Offset struct {
	Bytes   uint64 // from the beginning of its struct
	From    string // the version that it was read from
	Nearest bool   // that is not the version that was asked for, but the nearest below it, or else above
}

// Load returns the table that is part of the program.
func Load() (*Table, error) { return parse(embedded) }

// Lookup returns where a field lies in a version of a module. It returns false for
// what is not in the table, and for a field that the version lacks.
func (t *Table) Lookup(module, version string, field gobin.Field) (Offset, bool) {
	known := t.versions[module]
	if len(known) == 0 || version == "" {
		return Offset{}, false
	}
	i, exact := slices.BinarySearchFunc(known, version, compare)
	if !exact && i > 0 {
		i--
	}
	from := known[i]
	for _, r := range slices.Backward(t.runs[key{module, field}]) {
		if compare(r.since, from) <= 0 {
			return Offset{Bytes: r.offset, From: from, Nearest: !exact}, !r.absent
		}
	}
	return Offset{}, false
}

// Readings returns all that the table knows.
func (t *Table) Readings() Readings {
	all := Readings{}
	for module, versions := range t.versions {
		all[module] = map[string]map[gobin.Field]uint64{}
		for _, version := range versions {
			all[module][version] = map[gobin.Field]uint64{}
		}
	}
	for k := range t.runs {
		for version, found := range all[k.module] {
			if o, ok := t.Lookup(k.module, version, k.field); ok {
				found[k.field] = o.Bytes
			}
		}
	}
	return all
}

// compare orders versions of Go and of modules: by their numbers, a version
// without a suffix behind those with one.
func compare(a, b string) int {
	a, aSuffix := split(a)
	b, bSuffix := split(b)
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	switch {
	case aSuffix == bSuffix:
		return 0
	case aSuffix == "":
		return 1
	case bSuffix == "":
		return -1
	}
	return strings.Compare(aSuffix, bSuffix)
}

// split returns the numbers and what is behind them: "1.27" and "rc1" of
// "go1.27rc1", "1.2.3" and "-pre" of "v1.2.3-pre", nothing of "+incompatible".
func split(version string) (numbers, suffix string) {
	version = strings.TrimPrefix(strings.TrimPrefix(version, "go"), "v")
	version, _, _ = strings.Cut(version, "+")
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		return version, ""
	}
	return version[:end], version[end:]
}
