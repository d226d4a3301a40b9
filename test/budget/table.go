package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printTable writes a line for each library of each scenario, and below it one
// for each kernel program that ran.
func printTable(w io.Writer, results []result) {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "scenario\tlibrary, program\thits/request\tlimit\tns/hit\tsite\tfunction\tspans/request")
	for _, r := range results {
		name, spans := r.scenario, fmt.Sprintf("%.2f", r.spans)
		for _, s := range r.sides {
			fmt.Fprintf(table, "%s\t%s\t%.2f\t%g\t\t\t\t%s\n", name, s.library, s.hits, s.limit, spans)
			name, spans = "", ""
			for _, h := range s.hooks {
				printHook(table, h)
			}
		}
	}
	_ = table.Flush() // as little can be done about it as about any other print
}

// printHook writes a line for each place of a program, with its figures on the
// first: the kernel counts programs, not places.
func printHook(w io.Writer, h hook) {
	program, hits, cost := "  "+h.program, fmt.Sprintf("%.2f", h.hits), fmt.Sprint(h.cost.Nanoseconds())
	for _, p := range h.sites {
		fmt.Fprintf(w, "\t%s\t%s\t\t%s\t%v\t%s\t\n", program, hits, cost, p.Class, p.Function)
		program, hits, cost = "", "", ""
	}
	if len(h.sites) == 0 {
		fmt.Fprintf(w, "\t%s\t%s\t\t%s\t\t\t\n", program, hits, cost)
	}
}
