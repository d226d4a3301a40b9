package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// A report is everything that was measured.
type report struct {
	Machine    *machine          `json:"machine"`
	Rounds     int               `json:"rounds"`
	Seconds    float64           `json:"seconds_per_round"`
	Samples    []sample          `json:"samples"`
	Bystanders []bystanderSample `json:"bystanders"`
}

func (r *report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*report
		Aims []aim `json:"aims"`
	}{r, r.aims()})
}

// values returns one figure of each round, NaN for rounds without it.
func (r *report) values(workload, variant string, s scenario, of func(sample) float64) []float64 {
	values := make([]float64, r.Rounds)
	found := false
	for i := range values {
		values[i] = math.NaN()
	}
	for _, p := range r.Samples {
		if p.Workload == workload && p.Variant == variant && p.Scenario == s {
			values[p.Round], found = of(p), true
		}
	}
	if !found {
		return nil
	}
	return values
}

func throughput(s sample) float64 { return float64(s.Load.Requests) / s.Load.Seconds }
func targetCPU(s sample) float64  { return s.TargetCPU }
func agentCPU(s sample) float64   { return s.AgentCPU }
func p50(s sample) float64        { return s.Load.P50 }
func p99(s sample) float64        { return s.Load.P99 }
func failed(s sample) float64     { return float64(s.Load.Failed) }
func kernelRuns(s sample) float64 { return s.KernelRuns }
func kernelUS(s sample) float64   { return s.KernelTime }
func peakMB(s sample) float64     { return float64(s.AgentPeak) / (1 << 20) }

// covered is the share of requests that became spans. Requests that were under
// way when wrk stopped have one as well, so it may exceed 1 by a hair.
func covered(s sample) float64 { return ratio(float64(s.Spans), float64(s.Expected)) }

// ringEvents is how many records the kernel made for what would be a span.
func ringEvents(s sample) float64 { return ratio(float64(s.Events), float64(s.Expected)) }

func (r *report) markdown(out io.Writer) {
	m := r.Machine
	fmt.Fprintf(out, "Kernel %s, %d x %s; %s.\n", m.Kernel, m.CPUs, m.CPU, strings.Join(m.Programs, ", "))
	fmt.Fprintf(out, "Load average before %s, after %s. Medians of %d rounds of %.0f s, interleaved; (min–max) where rounds\n"+
		"differ by more than %.0f %%. Ratios and differences are to no agent in the same round.\n",
		m.LoadBefore, m.LoadAfter, r.Rounds, r.Seconds, 100*unsteadyShare)
	var share []float64
	for _, p := range r.Samples {
		share = append(share, p.Others)
	}
	if f := summarise(share); f.Rounds > 0 {
		fmt.Fprintf(out, "Programs that have nothing to do with this used %.0f %% of the machine meanwhile (%.0f–%.0f %%).\n", 100*f.Median, 100*f.Min, 100*f.Max)
	}
	if m.CPUs < 4 {
		fmt.Fprintf(out, "Server, load generator, agent and collector share %d processors: the agent's own work takes away from\n"+
			"throughput and latency here. The processor time of a request is the figure that does not depend on it.\n", m.CPUs)
	}
	for _, w := range workloads() {
		if r.values(w.name, "none", saturated, throughput) != nil {
			r.workload(out, w)
		}
	}
	r.countTable(out)
	r.wireTable(out)
	r.bystanderTable(out)
	r.aimTable(out)
}

func (r *report) workload(out io.Writer, w workload) {
	fmt.Fprintf(out, "\n### %s\n\n", w.about)
	fmt.Fprintf(out, "| variant | requests/s, wrk with %d connections | of no agent | CPU µs/request | added | p50 µs at %d/s | p99 µs | CPU µs/request | added | agent CPU µs/span, saturated | at %d/s | spans/requests, saturated | at %d/s | ring events/request, saturated | failed |\n",
		connections, w.rate, w.rate, w.rate)
	fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, v := range variants() {
		f := func(s scenario, of func(sample) float64) []float64 { return r.values(w.name, v.name, s, of) }
		none := func(s scenario, of func(sample) float64) []float64 { return r.values(w.name, "none", s, of) }
		if f(saturated, throughput) == nil {
			continue
		}
		failures := 0.0
		for _, n := range append(f(saturated, failed), f(paced, failed)...) {
			failures += n
		}
		row := []string{v.name,
			show(f(saturated, throughput), "%.0f"), percent(pairwise(f(saturated, throughput), none(saturated, throughput), ratio)),
			show(f(saturated, targetCPU), "%.2f"), show(pairwise(f(saturated, targetCPU), none(saturated, targetCPU), difference), "%+.2f"),
			show(f(paced, p50), "%.0f"), show(f(paced, p99), "%.0f"),
			show(f(paced, targetCPU), "%.2f"), show(pairwise(f(paced, targetCPU), none(paced, targetCPU), difference), "%+.2f"),
			show(f(saturated, agentCPU), "%.2f"), show(f(paced, agentCPU), "%.2f"),
			percent(f(saturated, covered)), percent(f(paced, covered)), show(f(saturated, ringEvents), "%.3f"), fmt.Sprintf("%.0f", failures),
		}
		if v.args == nil {
			clear(row[9:14]) // of the agent
		}
		if v.name == "none" {
			row[2], row[4], row[8] = "", "", ""
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
	if r.values(w.name, "traps", saturated, throughput) != nil {
		fmt.Fprint(out, "\ntraps: no agent, but an empty program wherever the agent has one in the server: the least that probes there can cost.\n")
	}
	for _, v := range variants() {
		if v.args != nil && r.values(w.name, v.name, saturated, throughput) != nil {
			fmt.Fprintf(out, "\n%s: %s%s; lost: %s.", v.name, v.about, r.flavour(w.name, v.name), r.lost(w.name, v.name))
		}
	}
	fmt.Fprintln(out)
}

func (r *report) flavour(workload, variant string) string {
	for _, s := range r.Samples {
		if s.Workload == workload && s.Variant == variant && s.Flavour != "" {
			return ", socket hook " + s.Flavour
		}
	}
	return ""
}

// lost is what the agent said it lost, in the last round in which it did.
func (r *report) lost(workload, variant string) string {
	lost := "none"
	for _, s := range r.Samples {
		if s.Workload == workload && s.Variant == variant && (s.Scenario == saturated || s.Scenario == paced) && s.Lost != "none" {
			lost = fmt.Sprintf("%s (round %d, %s)", s.Lost, s.Round+1, s.Scenario)
		}
	}
	return lost
}

func (r *report) countTable(out io.Writer) {
	first := true
	for _, w := range workloads() {
		for _, s := range []struct {
			scenario scenario
			about    string
		}{{counted, fmt.Sprintf("%d connections", connections)}, {crowded, fmt.Sprintf("%d connections", crowdedConnections)}} {
			f := func(of func(sample) float64) []float64 { return r.values(w.name, "agent", s.scenario, of) }
			if f(covered) == nil {
				continue
			}
			if first {
				fmt.Fprintf(out, "\n### Requests and spans at %d/s\n\n", countedRate)
				fmt.Fprintln(out, "| server | over | requests/s | spans/requests, worst round | missing | kernel programs, runs/request in all processes | µs/request in all processes | agent CPU µs/span | agent peak RSS MB | failed | lost |")
				fmt.Fprintln(out, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")
				first = false
			}
			missing, failures, lost := 0, 0, "none"
			for _, p := range r.Samples {
				if p.Workload == w.name && p.Scenario == s.scenario {
					missing += p.Expected - p.Spans
					failures += p.Load.Failed
					if p.Lost != "none" {
						lost = p.Lost
					}
				}
			}
			fmt.Fprintf(out, "| %s | %s | %s | %.3f %% | %d | %s | %s | %s | %s | %d | %s |\n", w.name, s.about, show(f(throughput), "%.0f"),
				100*summarise(f(covered)).Min, missing, show(f(kernelRuns), "%.1f"), show(f(kernelUS), "%.2f"), show(f(agentCPU), "%.2f"), show(f(peakMB), "%.0f"), failures, lost)
		}
	}
}

func (r *report) bystanderTable(out io.Writer) {
	if len(r.Bystanders) == 0 {
		return
	}
	fmt.Fprintln(out, "\n### What a process that is not traced pays, ns a call")
	fmt.Fprintln(out, "\n| agent | write() to /dev/null | added | TCP send and receive | added | socket pair, send and receive | added |")
	fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|")
	of := func(flavour string, f func(bystanderResult) float64) (values []float64) {
		for _, s := range r.Bystanders {
			if s.Flavour == flavour {
				values = append(values, f(s.Cost))
			}
		}
		return values
	}
	for _, flavour := range []string{"none", "tracepoint", "syscall"} {
		row := []string{flavour}
		for _, f := range []func(bystanderResult) float64{
			func(b bystanderResult) float64 { return b.Write },
			func(b bystanderResult) float64 { return b.TCP },
			func(b bystanderResult) float64 { return b.Socket },
		} {
			added := ""
			if flavour != "none" {
				added = show(pairwise(of(flavour, f), of("none", f), difference), "%+.0f")
			}
			row = append(row, show(of(flavour, f), "%.0f"), added)
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
}

// show writes a figure, with how far the rounds lie apart if it is much.
func show(values []float64, format string) string {
	f := summarise(values)
	if f.Rounds == 0 {
		return "-"
	}
	text := fmt.Sprintf(format, f.Median)
	if f.unsteady() {
		text += fmt.Sprintf(" ("+format+"–"+format+")", f.Min, f.Max)
	}
	return text
}

func percent(values []float64) string {
	hundred := make([]float64, len(values))
	for i, v := range values {
		hundred[i] = 100 * v
	}
	text := show(hundred, "%.1f")
	if text == "-" {
		return text
	}
	return text + " %"
}
