package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A scenario is a kind of load.
type scenario string

const (
	saturated scenario = "saturated" // as much as the server takes
	paced     scenario = "paced"     // the workload's rate, for latencies
	counted   scenario = "counted"   // 5,000 a second: every request a span
	crowded   scenario = "crowded"   // the same over 1,000 connections
)

const (
	countedRate        = 5000
	crowdedConnections = 1000
)

func (s scenario) load(w workload) load {
	if w.caller != "" {
		rate := map[scenario]int{saturated: 0, paced: w.rate}[s]
		return calls(w.caller, rate, connections)
	}
	switch s {
	case saturated:
		return saturate
	case counted:
		return pace(countedRate, connections)
	case crowded:
		return pace(countedRate, crowdedConnections)
	default:
		return pace(w.rate, connections)
	}
}

// A sample is what one load on one server gave in one round.
type sample struct {
	Workload string   `json:"workload"`
	Variant  string   `json:"variant"`
	Scenario scenario `json:"scenario"`
	Round    int      `json:"round"`

	Load     loadResult `json:"load"`
	Expected int        `json:"expected_spans"` // of warming up too
	Spans    int        `json:"spans"`
	Lost     string     `json:"lost,omitempty"`
	Flavour  string     `json:"flavour,omitempty"`

	TargetCPU float64 `json:"target_cpu_us_per_request"`
	AgentCPU  float64 `json:"agent_cpu_us_per_span"`
	AgentPeak int64   `json:"agent_peak_bytes"`
	// KernelRuns and KernelTime are what the agent's kernel programs did for a
	// request: timed where spans are counted, 0 elsewhere.
	KernelRuns float64 `json:"kernel_runs_per_request"`
	KernelTime float64 `json:"kernel_us_per_request"`
	// Others is the share of the machine that was used by programs that have
	// nothing to do with the bench.
	Others float64 `json:"others_share"`
}

// warming is the share of the duration that is spent before measuring.
const warming = 5

// measure runs one load against a server that one variant traces, or none. It wraps
// gobin.ErrNotGo if the variant is for Go programs only.
func (b *bench) measure(ctx context.Context, v *server, how variant, s scenario, round int) (sample, error) {
	r := sample{Workload: v.name, Variant: how.name, Scenario: s, Round: round}
	var a *agent
	before := 0
	if how.args != nil {
		var err error
		if before, err = received(ctx, b.collector); err != nil {
			return r, err
		}
		if a, err = startAgent(ctx, how, v.program.PID(), b.collector); err != nil {
			return r, fmt.Errorf("measuring %s with %s: %w", v.name, how.name, err)
		}
		r.Flavour = a.flavour()
	}
	if how.traps {
		traps, err := placeTraps(v.program.PID())
		if err != nil {
			return r, fmt.Errorf("measuring %s with %s: %w", v.name, how.name, err)
		}
		defer traps.Close()
	}
	err := b.timed(ctx, &r, v, a)
	if a == nil {
		return r, err
	}
	if err := errors.Join(err, a.stop()); err != nil {
		return r, fmt.Errorf("measuring %s with %s: %w", v.name, how.name, err)
	}
	end := a.closing()
	r.Spans, r.Lost = end.spans, end.lost
	if !how.print {
		after, err := received(ctx, b.collector)
		if err != nil {
			return r, err
		}
		r.Spans = after - before
	}
	return r, nil
}

// timed is load, with the kernel's clock on the agent's programs where a little
// of it does no harm.
func (b *bench) timed(ctx context.Context, r *sample, v *server, a *agent) error {
	if r.Scenario != counted && r.Scenario != crowded {
		return b.load(ctx, r, v, a)
	}
	stats, err := timePrograms()
	if err != nil {
		return err
	}
	defer stats.Close()
	return b.load(ctx, r, v, a)
}

func (b *bench) load(ctx context.Context, r *sample, v *server, a *agent) error {
	run := r.Scenario.load(v.workload)
	warm, err := run(ctx, v.address, b.duration/warming)
	if err != nil {
		return err
	}
	before, err := b.usage(v, a)
	if err != nil {
		return err
	}
	if r.Load, err = run(ctx, v.address, b.duration); err != nil {
		return err
	}
	if r.Load.Requests == 0 {
		return errors.New("no request was answered")
	}
	after, err := b.usage(v, a)
	if err != nil {
		return err
	}
	r.TargetCPU = microseconds(after.target-before.target) / float64(r.Load.Requests)
	r.Others = others(before, after, r.Load.own)
	r.Expected = (warm.Requests + r.Load.Requests) * v.spans
	if a == nil {
		return nil
	}
	r.KernelRuns = float64(after.kernel.runs-before.kernel.runs) / float64(r.Load.Requests)
	r.KernelTime = microseconds(after.kernel.time-before.kernel.time) / float64(r.Load.Requests)
	time.Sleep(settle)
	if after, err = b.usage(v, a); err != nil {
		return err
	}
	r.AgentCPU = microseconds(after.agent-before.agent) / float64(r.Load.Requests*v.spans)
	r.AgentPeak, err = a.program.PeakMemory()
	return err
}

// settle is what the agent gets to handle what is still in its ring.
const settle = 250 * time.Millisecond

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
