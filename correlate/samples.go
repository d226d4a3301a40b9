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
		{Name: "gaps", Help: "Runs of bytes counted and not captured.", Value: s.Gaps},
		{Name: "reordered_events", Help: "Events held back for one that came after them.", Value: s.Reordered},
		telemetry.Lost("open_lost", s.OpenLost),
	}
	for d := range flow.Drops {
		samples = append(samples, telemetry.Lost(d.String(), s.Drops[d]))
	}
	return samples
}
