package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/throughline/throughline/test/truth/judge"
)

// A report prints trials as they end, and a total.
type report struct {
	out    io.Writer
	json   bool
	trials []trial
}

const (
	headForm = "%-16s %9s %9s %8s %9s %9s %8s %11s %8s %8s %8s %8s  %s\n"
	rowForm  = "%-16s %9s %9d %8d %8.2f%% %9d %8d %11d %8d %8d %8d %8d  %s\n"
)

func (r *report) head() {
	if !r.json {
		fmt.Fprintf(r.out, headForm, "program", "in flight", "requests", "spans", "correct", "orphaned", "crossed", "duplicated",
			"missing", "unasked", "none", "guessed", "needs")
	}
}

// row prints one trial.
func (r *report) row(x trial) {
	r.trials = append(r.trials, x)
	if r.json {
		return
	}
	note := x.program.needs
	if x.lost != "none" {
		note += " (the agent lost " + x.lost + ")"
	}
	r.line(x.program.name, fmt.Sprint(x.flight), x.result, note)
}

func (r *report) line(name, flight string, x judge.Result, note string) {
	c := x.Counts
	fmt.Fprintf(r.out, rowForm, name, flight, x.Requests, x.Spans, 100*x.CorrectShare(), c[judge.Orphaned], c[judge.Crossed],
		c[judge.Duplicated], c[judge.Missing], c[judge.Unasked], c[judge.None], c[judge.Guessed], note)
}

// finish prints the total and the examples, and tells whether all is well.
func (r *report) finish() error {
	var total judge.Result
	bad := 0
	for _, x := range r.trials {
		total.Add(x.result)
		if !x.result.Good() {
			bad++
		}
	}
	if r.json {
		if err := r.printJSON(); err != nil {
			return err
		}
	} else {
		r.line("total", "", total, "")
		r.examples()
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d trials are not as they should be", bad, len(r.trials))
	}
	if len(r.trials) == 0 {
		return errors.New("nothing was tried")
	}
	return nil
}

// examples prints some requests for each fault of each trial that is not good.
func (r *report) examples() {
	for _, x := range r.trials {
		if x.result.Good() {
			continue
		}
		for _, v := range x.result.Faults() {
			for i, text := range x.result.Examples(v) {
				fmt.Fprintf(r.out, "\n%s, %d in flight, %s, example %d:\n", x.program.name, x.flight, v, i+1)
				for line := range strings.Lines(text) {
					fmt.Fprint(r.out, "  ", line)
				}
			}
		}
	}
}

// printJSON prints an object for each trial.
func (r *report) printJSON() error {
	type row struct {
		Program      string   `json:"program"`
		InFlight     int      `json:"in_flight"`
		Needs        string   `json:"needs,omitempty"`
		Requests     int      `json:"requests"`
		Spans        int      `json:"spans"`
		CorrectShare float64  `json:"correct_share"`
		Good         bool     `json:"good"`
		Correct      int      `json:"correct"`
		Orphaned     int      `json:"orphaned"`
		Crossed      int      `json:"crossed"`
		Duplicated   int      `json:"duplicated"`
		Missing      int      `json:"missing"`
		Unasked      int      `json:"unasked"`
		None         int      `json:"none"`
		GuessedRight int      `json:"guessed_right"`
		Lost         string   `json:"lost"`
		Examples     []string `json:"examples,omitempty"`
	}
	encoder := json.NewEncoder(r.out)
	for _, x := range r.trials {
		c := x.result.Counts
		q := row{Program: x.program.name, InFlight: x.flight, Needs: x.program.needs, Requests: x.result.Requests, Spans: x.result.Spans,
			CorrectShare: x.result.CorrectShare(), Good: x.result.Good(), Correct: c[judge.Correct], Orphaned: c[judge.Orphaned],
			Crossed: c[judge.Crossed], Duplicated: c[judge.Duplicated], Missing: c[judge.Missing], Unasked: c[judge.Unasked],
			None: c[judge.None], GuessedRight: c[judge.Guessed], Lost: x.lost}
		for _, v := range x.result.Faults() {
			for _, text := range x.result.Examples(v) {
				q.Examples = append(q.Examples, v.String()+":\n"+text)
			}
		}
		if err := encoder.Encode(q); err != nil {
			return fmt.Errorf("printing %s: %w", x.program.name, err)
		}
	}
	return nil
}
