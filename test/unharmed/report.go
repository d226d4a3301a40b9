package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A report prints trials as they end.
type report struct {
	out     io.Writer
	options *options
	trials  int
	bad     []string // modes, with why
}

const (
	headForm = "%-16s %8s %9s %13s %13s %9s %7s %8s %9s %10s %5s %7s\n"
	rowForm  = "%-16s %8d %9d %13d %13d %9d %7d %8d %9d %10d %5d %7d\n"
)

// examplesMax is how many faults of a mode are printed.
const examplesMax = 8

// print prints one trial's table, and what is wrong with it.
func (r *report) print(t trial) {
	r.trials++
	fmt.Fprintf(r.out, "\n%s: %s; seed %d\n", t.mode.name, t.mode.about, r.options.seed)
	fmt.Fprintf(r.out, headForm, "kind", "streams", "requests", "bytes sent", "bytes heard", "headers", "EAGAIN", "notices", "FIONREAD", "different", "hung", "failed")
	faults := t.faults()
	var all counts
	for _, k := range kinds() {
		c := t.counts(k.name)
		if c.Streams == 0 {
			continue
		}
		all.add(c)
		r.row(k.name, c, count(faults, k.name))
	}
	wrong := count(faults, "")
	r.row("total", all, wrong)
	fmt.Fprintf(r.out, "%d requests in %s, %.0f a second", all.Requests, t.took.Round(time.Millisecond), float64(all.Requests)/t.took.Seconds())
	if t.mode.dies {
		fmt.Fprintf(r.out, "; the agent was killed %d times", t.deaths)
	}
	fmt.Fprintln(r.out)
	if t.said != "" {
		fmt.Fprintln(r.out, t.said)
	}
	for _, f := range faults[:min(len(faults), examplesMax)] {
		fmt.Fprintf(r.out, "%s: -modes %s -seed %d -stream %d (%s)\n  %s\n", f.What, t.mode.name, r.options.seed, f.Stream, f.Kind, f.Text)
	}
	if why := t.judge(all, wrong, r.options); why != "" {
		r.bad = append(r.bad, t.mode.name+": "+why)
	}
}

func (r *report) row(name string, c counts, wrong map[verdict]int) {
	fmt.Fprintf(r.out, rowForm, name, c.Streams, c.Requests, c.Sent, c.Heard, c.Headers, c.Again, c.Notices, c.Untold, wrong[different], wrong[hung], wrong[failed])
}

// judge says what is wrong with a trial, "" if nothing is.
func (t *trial) judge(all counts, wrong map[verdict]int, o *options) string {
	kept := t.counts("keep-alive")
	switch {
	case wrong[different]+wrong[hung]+wrong[failed] > 0:
		return fmt.Sprintf("%d conversations differ, %d hang, %d failed", wrong[different], wrong[hung], wrong[failed])
	case all.Streams == 0:
		return "nothing was sent"
	case all.Again > 0 && !t.mode.again:
		return fmt.Sprintf("%d blocked receives ended with EAGAIN", all.Again)
	case all.Untold > 0 && !t.mode.untold:
		return fmt.Sprintf("FIONREAD says %d times that nothing is there, where something is", all.Untold)
	case all.Notices > 0 && !t.mode.notices:
		return fmt.Sprintf("%d notifications of MSG_ZEROCOPY have a wrong number", all.Notices)
	case t.mode.dies && kept.Requests > 0 && kept.Blocks == 0:
		return "no request on a kept connection got a header, so nothing is shown"
	case kept.Requests > 0 && kept.Blocks*100 < kept.Requests*t.mode.least:
		return fmt.Sprintf("%d of %d requests on kept connections got a header, and %d %% have to, or nothing is shown", kept.Blocks, kept.Requests, t.mode.least)
	case t.mode.dies && t.deaths < o.deaths:
		return fmt.Sprintf("the agent was killed %d times", t.deaths)
	}
	return ""
}

// counts are both sides' of a kind.
func (t *trial) counts(kind string) counts {
	var c counts
	if k := t.client.Kinds[kind]; k != nil {
		c = *k
	}
	if k := t.server.Kinds[kind]; k != nil {
		c.Headers, c.Blocks, c.Extra = k.Headers, k.Blocks, k.Extra
	}
	return c
}

// faults are those of both sides, one a stream: that it hung, since its client then
// ends it and the server misses the rest; else what differs, and of those what the
// server says, which sees what arrives.
func (t *trial) faults() []fault {
	all := append(slices.Clone(t.server.Faults), t.client.Faults...)
	order := []verdict{hung, different, failed}
	slices.SortStableFunc(all, func(a, b fault) int {
		if a.Stream != b.Stream {
			return int(a.Stream) - int(b.Stream)
		}
		return slices.Index(order, a.What) - slices.Index(order, b.What)
	})
	return slices.CompactFunc(all, func(a, b fault) bool { return a.Stream == b.Stream })
}

// count counts the faults of a kind, or of all, by verdict.
func count(faults []fault, kind string) map[verdict]int {
	n := map[verdict]int{}
	for _, f := range faults {
		if kind == "" || f.Kind == kind {
			n[f.What]++
		}
	}
	return n
}

// finish tells whether all is well.
func (r *report) finish() error {
	if r.trials == 0 {
		return errors.New("nothing was tried")
	}
	if len(r.bad) > 0 {
		return errors.New(strings.Join(r.bad, "; "))
	}
	return nil
}
