package correlate

import (
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/telemetry"
)

func flowSamples(s *flow.Stats) []telemetry.Sample {
	samples := []telemetry.Sample{
		{Name: "connections", Kind: telemetry.Level, Help: "Connections in the table.", Value: uint64(s.Connections)},
		{Name: "buffered_bytes", Kind: telemetry.Level, Help: "Bytes held by parsers.", Value: uint64(s.Buffered)},
		{Name: "exchanges", Noun: "exchanges", Help: "Requests with their responses.", Value: s.Exchanges},
		{Name: "connections_opened", Help: "Connections seen to carry bytes.", Value: s.Opened},
		{Name: "connections_left_alone", Help: "Connections of no known protocol.", Value: s.LeftAlone},
		{Name: "connections_claimed", Help: "Connections whose exchanges a library's probes report.", Value: s.Claimed},
		{Name: "connections_idle", Help: "Connections forgotten since nothing moved on them.", Value: s.EvictedIdle},
		{Name: "exchanges_timed_out", Help: "Exchanges ended since nothing moved on them; they are among the exchanges.", Value: s.TimedOut},
		{Name: "gaps", Help: "Runs of bytes counted and not captured.", Value: s.Gaps},
		{Name: "gap_bytes", Help: "Bytes counted and not captured.", Value: s.GapBytes},
		{Name: "late_events", Help: "Events of bytes or connections already accounted for.", Value: s.Late},
		{Name: "reordered_events", Help: "Events held back for one that came after them.", Value: s.Reordered},
		telemetry.Lost("open_lost", s.OpenLost),
		telemetry.Lost("evicted_full", s.EvictedFull),
		telemetry.Lost("parser_buffers_full", s.EvictedBuffer),
	}
	for d := range flow.Drops {
		samples = append(samples, telemetry.Lost(d.String(), s.Drops[d]))
	}
	return samples
}
