// Package imports holds the rules of who may import whom, and checks them. The
// rules are the house of docs/design.md: data goes one way, imports point
// against it.
package imports

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Package is what `go list -json` says of one, with paths below the module.
type Package struct {
	ImportPath string
	Doc        string
	Imports    []string // direct
	Deps       []string // direct and indirect
}

// A Rule is one ban.
type Rule struct {
	Name   string
	Reason string
	// broken returns what a package does against the rule.
	broken func(p Package) []string
}

// Check returns a sentence for each time that a package breaks a rule.
func Check(rules []Rule, packages []Package) []string {
	var all []string
	for _, p := range packages {
		for _, r := range rules {
			for _, what := range r.broken(p) {
				all = append(all, fmt.Sprintf("%s %s (%s: %s)", p.ImportPath, what, r.Name, r.Reason))
			}
		}
	}
	return all
}

// stages is the way of the data: kernel, probes, streams, protocols and
// libraries with what both write, spans, exporters. The longest path that holds a package is its stage.
var stages = []string{"bpf", "probes", "correlate/flow", "correlate/httpspan", "correlate/protocol", "correlate/library", "correlate", "export", "cmd"}

// families are folders of implementations of one kind, with what they share.
var families = map[string][]string{
	"correlate/library":      nil,
	"correlate/protocol":     nil,
	"export":                 {"gather", "internal", "spanview", "spool", "text"},
	"probes/process/runtime": nil,
	"probes/runtime":         nil,
	"probes/tls":             nil,
}

// pure are the folders whose packages work, and are tested, without a kernel.
var pure = []string{"bpf/abi", "probes/event", "correlate", "export"}

// generator is the program that writes bpf/abi, from a compiled object.
const generator = "bpf/abi/generate"

// Rules returns every ban with its reason.
func Rules() []Rule {
	return []Rule{
		{"against the data", "a stage knows the one before it, so that the later one can be replaced", func(p Package) []string {
			own := stage(p.ImportPath)
			return each(p.Imports, func(i string) bool { return own >= 0 && stage(i) > own })
		}},
		{"only by its output", "later stages read what probes report, and must not reach into how it was got", func(p Package) []string {
			return each(p.Imports, func(i string) bool {
				return (within(p.ImportPath, "correlate") || within(p.ImportPath, "export")) &&
					(within(i, "probes") && !within(i, "probes/event") && i != "probes/process" || i == "bpf")
			})
		}},
		{"exporters stand alone", "an exporter sees finished spans, wherever they came from", func(p Package) []string {
			return each(p.Imports, func(i string) bool {
				return within(p.ImportPath, "export") && stage(i) >= 0 && !within(i, "export") && !within(i, "bpf/abi")
			})
		}},
		{"siblings", "an implementation that needs another of its kind cannot be removed or understood alone", func(p Package) []string {
			return each(p.Imports, func(i string) bool { return siblings(p.ImportPath, i) })
		}},
		{"parsers and libraries", "either reports exchanges without the other; what both write has a package of its own", func(p Package) []string {
			return each(p.Imports, func(i string) bool {
				return within(p.ImportPath, "correlate/library") && within(i, "correlate/protocol")
			})
		}},
		{"nobody imports cmd", "it builds the graph; what others need belongs into a package of its own", func(p Package) []string {
			return each(p.Imports, func(i string) bool { return within(i, "cmd") && !within(p.ImportPath, "cmd") })
		}},
		{"nobody imports test or make", "the agent must not contain what tests and builds it", func(p Package) []string {
			return each(p.Imports, func(i string) bool {
				return within(i, "test") && !within(p.ImportPath, "test") || within(i, "make") && !within(p.ImportPath, "make")
			})
		}},
		{"internal is below", "what every stage may use cannot use a stage", func(p Package) []string {
			return each(p.Imports, func(i string) bool { return within(p.ImportPath, "internal") && stage(i) >= 0 })
		}},
		{"pure", "everything behind the ring is tested without privileges, clang or Linux", func(p Package) []string {
			if p.ImportPath == generator || !slices.ContainsFunc(pure, func(f string) bool { return within(p.ImportPath, f) }) {
				return nil
			}
			found := each(p.Deps, func(i string) bool { return within(i, "github.com/cilium/ebpf") })
			return found[:min(1, len(found))] // one of its packages brings all the others
		}},
		{"names", "a package is named for what it provides: these names gather what has no home", func(p Package) []string {
			switch name := path.Base(p.ImportPath); name {
			case "utils", "util", "common", "helpers", "helper", "types", "misc":
				return []string{"is called " + name}
			}
			return nil
		}},
		{"package comment", "the one responsibility of a package is said where readers begin", func(p Package) []string {
			if strings.TrimSpace(p.Doc) == "" {
				return []string{"has no package comment"}
			}
			return nil
		}},
	}
}

func each(imports []string, banned func(string) bool) []string {
	var found []string
	for _, i := range imports {
		if banned(i) {
			found = append(found, "imports "+i)
		}
	}
	return found
}

// within tells whether a package is the folder's own or below it.
func within(pkg, folder string) bool {
	return pkg == folder || strings.HasPrefix(pkg, folder+"/")
}

// stage returns the position of a package on the data's way, -1 for none.
func stage(pkg string) int {
	found, longest := -1, 0
	for i, s := range stages {
		if within(pkg, s) && len(s) > longest {
			found, longest = i, len(s)
		}
	}
	return found
}

// siblings tells whether pkg lies in a family and reaches for an implementation
// beside it.
func siblings(pkg, imported string) bool {
	for folder, shared := range families {
		own, ok := member(pkg, folder)
		other, also := member(imported, folder)
		if ok && also && own != other && !slices.Contains(shared, other) {
			return true
		}
	}
	return false
}

// member returns the child of the folder in which a package lies.
func member(pkg, folder string) (string, bool) {
	rest, ok := strings.CutPrefix(pkg, folder+"/")
	if !ok {
		return "", false
	}
	name, _, _ := strings.Cut(rest, "/")
	return name, true
}
