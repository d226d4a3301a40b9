package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// A side is what one library did in a scenario, which is what has a limit.
type side struct {
	library string
	limit   float64
	hits    float64 // a request
	hooks   []hook
}

// A hook is a kernel program with the places where it sits.
type hook struct {
	program string
	hits    float64       // a request
	cost    time.Duration // a hit, in the program itself
	sites   []plan.Probe
}

// nameLength is how much of a program's name the kernel keeps. More of it is known
// where the program's BTF has it.
const nameLength = 15

func kernelName(program string) string { return program[:min(len(program), nameLength)] }

// judge sorts the programs that ran by library: those that have a limit first, in
// the order of their names, then what nobody expected.
func judge(s scenario, r result, probes []plan.Probe) []side {
	var all []side
	for _, library := range slices.Sorted(maps.Keys(s.limits)) {
		all = append(all, side{library: library, limit: s.limits[library]})
	}
	for _, one := range r.runs {
		h := hook{program: one.program, hits: float64(one.count) / float64(r.requests), cost: one.time / time.Duration(one.count)}
		library := "nobody's"
		for _, p := range probes {
			if kernelName(p.Program) == kernelName(one.program) {
				library = p.Library
				h.program, h.sites = p.Program, append(h.sites, p)
			}
		}
		i := slices.IndexFunc(all, func(x side) bool { return x.library == library })
		if i < 0 {
			i, all = len(all), append(all, side{library: library})
		}
		all[i].hits += h.hits
		all[i].hooks = append(all[i].hooks, h)
	}
	return all
}

// problems says what is not as it has to be.
func problems(results []result) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, r := range results {
		for _, s := range r.sides {
			switch {
			case hundredths(s.hits) > hundredths(s.limit):
				say("%s: %s has %.2f hits a request, and may have %g", r.scenario, s.library, s.hits, s.limit)
			case hundredths(s.hits) < 100:
				say("%s: %s has %.2f hits a request: its probes are not at work", r.scenario, s.library, s.hits)
			}
			for _, h := range s.hooks {
				for _, p := range h.sites {
					if p.Class != gobin.Emulated {
						say("%s: %s in %s is %v: %s", r.scenario, h.program, p.Function, p.Class, p.Instruction)
					}
				}
			}
		}
	}
	return found
}

// hundredths is a number as precise as it is printed: a hit or two of a
// connection's beginning or end are not a request's.
func hundredths(x float64) int { return int(math.Round(100 * x)) }
