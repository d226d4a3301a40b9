package probes

import (
	"fmt"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/telemetry"
)

// dropNames are the loss reasons of the kernel side as metric labels.
var dropNames = [abi.DropReasons]string{
	abi.DropRingFull:          "ring_full",
	abi.DropConnsFull:         "connections_full",
	abi.DropTasksFull:         "tasks_full",
	abi.DropTargetsFull:       "targets_full",
	abi.DropBufferUnreadable:  "buffer_unreadable",
	abi.DropSyscallUnknown:    "syscall_unknown",
	abi.DropHeadTooLong:       "head_too_long",
	abi.DropInjectSplitHead:   "inject_split_head",
	abi.DropInjectNoRoom:      "inject_no_room",
	abi.DropEventLoop:         "parent_event_loop",
	abi.DropContextAmbiguous:  "parent_ambiguous",
	abi.DropInjectBusy:        "inject_busy",
	abi.DropInjectUncertain:   "inject_uncertain",
	abi.DropCallsFull:         "calls_full",
	abi.DropCallUnreadable:    "call_unreadable",
	abi.DropRouteLate:         "route_late",
	abi.DropUnsampledPipeline: "unsampled_pipeline",
	abi.DropJoinAmbiguous:     "join_ambiguous",
	abi.DropTcpOptionNoRoom:   "tcp_option_no_room",
	abi.DropTcpOptionInvalid:  "tcp_option_invalid",
	abi.DropContextConflict:   "context_conflict",
	abi.DropContextCut:        "context_cut",
	abi.DropListTooLong:       "carried_too_long",
}

// untold are the reasons that are statements, not losses: a request got no parent, or
// no route, since it could have been a wrong one.
var untold = map[abi.DropReason]string{
	abi.DropEventLoop: "Served requests that arrived on a thread that was serving another one: " +
		"what it sends meanwhile gets no parent by thread.",
	abi.DropContextAmbiguous: "Forwarded headers that several open requests had brought.",
	abi.DropContextConflict:  "Requests whose headers named another trace in a format that stands behind the first.",
	abi.DropRouteLate:        "Requests whose framework served another one before their route was read.",
	abi.DropJoinAmbiguous:    "Requests without a header that were not joined: what their connection's last sender left need not be for them.",
}

// counted is the sum of every loaded object's counters over all CPUs.
type counted struct {
	drops  [abi.DropReasons]uint64
	counts [abi.CountKinds]uint64
	missed uint64 // runs of a program that the kernel skipped
}

// addCounters adds up one object's counters (bpf/events.h).
func (o *object) addCounters(sum *counted) error {
	v, ok := o.collection.Variables["counters"]
	if !ok {
		return nil
	}
	var counters abi.Counters
	if err := v.Get(&counters); err != nil {
		return fmt.Errorf("reading counters of %s: %w", o.name, err)
	}
	for i := range counters.Cpu {
		for r := range sum.drops {
			sum.drops[r] += counters.Cpu[i].Drops[r]
		}
		for k := range sum.counts {
			sum.counts[k] += counters.Cpu[i].Counts[k]
		}
	}
	return nil
}

// Samples gives the kernel side's figures.
func (p *Probes) Samples() []telemetry.Sample {
	var sum counted
	p.mu.Lock()
	if p.closed {
		sum = p.last
	} else {
		sum = p.countLocked()
	}
	p.mu.Unlock()

	samples := []telemetry.Sample{
		{Name: "events", Noun: "events", Help: "Records that the kernel programs put into the ring.", Value: sum.counts[abi.CountEvents]},
		{Name: "uncaptured_bytes", Help: "Bytes counted and by design not copied.", Value: sum.counts[abi.CountUncapturedBytes]},
		{Name: "bufferless_calls", Help: "Calls that moved bytes without a user buffer (sendfile, splice).", Value: sum.counts[abi.CountSendfile]},
		{Name: "told_by_sdk", Help: "Requests and calls left to the program's own SDK, which exports them.", Value: sum.counts[abi.CountToldBySdk]},
		{Name: "sampled_out", Help: "Requests out of the sample that cost no event.", Value: sum.counts[abi.CountSampledOut]},
		{Name: "injected", Help: "Headers put on the wire.", Value: sum.counts[abi.CountInjected]},
		{Name: "joined", Help: "Requests without a header whose sender on this host was found.", Value: sum.counts[abi.CountJoined]},
		{Name: "tcp_options_written", Help: "Contexts put into TCP options.", Value: sum.counts[abi.CountTcpOptionWritten]},
		{Name: "tcp_options_read", Help: "Contexts found in TCP options.", Value: sum.counts[abi.CountTcpOptionRead]},
		{Name: "malformed_records", Help: "Records that could not be decoded.", Kind: telemetry.Loss, Value: p.malformed.Load()},
		{Name: "missed_runs", Help: "Runs of a kernel program that the kernel skipped.", Kind: telemetry.Loss, Value: sum.missed},
	}
	for reason, n := range sum.drops {
		if help, ok := untold[abi.DropReason(reason)]; ok {
			samples = append(samples, telemetry.Sample{Name: dropNames[reason], Value: n, Help: help})
			continue
		}
		samples = append(samples, telemetry.Lost(dropNames[reason], n))
	}
	return samples
}

func (p *Probes) countLocked() counted {
	var sum counted
	for _, o := range p.objects {
		if err := o.addCounters(&sum); err != nil {
			p.log.Warn("counting", "error", err)
		}
		for _, program := range o.collection.Programs {
			if stats, err := program.Stats(); err == nil {
				sum.missed += stats.RecursionMisses
			}
		}
	}
	return sum
}
