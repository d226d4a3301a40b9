package main

import (
	"fmt"
	"io"
)

// An aim is what the project wants a figure to be.
type aim struct {
	Name   string  `json:"name"`
	Want   float64 `json:"want"`
	AtMost bool    `json:"at_most"` // else at least
	Unit   string  `json:"unit"`
	Figure figure  `json:"figure"`
	Met    bool    `json:"met"`
}

// aims compares what was measured with what is wanted of the default variant.
func (r *report) aims() []aim {
	var all []aim
	add := func(name string, want float64, atMost bool, unit string, f figure, value float64) {
		if f.Rounds > 0 {
			all = append(all, aim{name, want, atMost, unit, f, atMost && value <= want || !atMost && value >= want})
		}
	}
	middle := func(name string, want float64, atMost bool, unit string, values []float64) {
		f := summarise(values)
		add(name, want, atMost, unit, f, f.Median)
	}
	const v = "agent"
	for _, w := range workloads() {
		kept := pairwise(r.values(w.name, v, saturated, throughput), r.values(w.name, "none", saturated, throughput), ratio)
		if w.name != "python" {
			middle(w.name+": throughput kept", 0.85, false, "", kept)
		}
		for _, s := range []scenario{saturated, paced} {
			added := pairwise(r.values(w.name, v, s, targetCPU), r.values(w.name, "none", s, targetCPU), difference)
			for i := range added {
				added[i] /= float64(w.spans)
			}
			middle(fmt.Sprintf("%s: CPU added to a request or call, %s", w.name, s), 3, true, "µs", added)
		}
	}
	for _, w := range carriers() {
		off := r.values(w.name, wireVariants()[0].name, saturated, throughput)
		for _, how := range wireVariants()[1:] {
			kept := pairwise(r.values(w.name, how.name, saturated, throughput), off, ratio)
			middle(w.about+", propagation "+how.name+": throughput of off", 0.9, false, "", kept)
		}
	}
	for _, w := range workloads() {
		for _, s := range []scenario{counted, crowded} {
			at := fmt.Sprintf("%s: at %d/s, %s, ", w.name, countedRate, s)
			f := summarise(r.values(w.name, v, s, covered))
			add(at+"requests that are spans (worst round)", 1, false, "", f, f.Min)
			middle(at+"agent CPU a span", 10, true, "µs", r.values(w.name, v, s, agentCPU))
		}
		f := summarise(r.values(w.name, v, crowded, peakMB))
		add(fmt.Sprintf("%s: agent peak RSS, %d connections", w.name, crowdedConnections), 64, true, "MB", f, f.Max)
	}
	return all
}

func (r *report) aimTable(out io.Writer) {
	fmt.Fprintln(out, "\n### Against the aim")
	fmt.Fprintln(out, "\n| | aim | median | min–max | |")
	fmt.Fprintln(out, "|---|--:|--:|--:|---|")
	for _, a := range r.aims() {
		sign, verdict := "≥", "missed"
		if a.AtMost {
			sign = "≤"
		}
		if a.Met {
			verdict = "met"
		}
		fmt.Fprintf(out, "| %s | %s %g %s | %.3g | %.3g–%.3g | %s |\n", a.Name, sign, a.Want, a.Unit, a.Figure.Median, a.Figure.Min, a.Figure.Max, verdict)
	}
}
