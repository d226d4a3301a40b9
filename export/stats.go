package export

import (
	"maps"
	"slices"

	"github.com/throughline/throughline/internal/telemetry"
)

// Reasons for which the pipeline itself loses spans. An exporter's error names its own by a Reason method.
const (
	// QueueFull: the exporter was slower than the spans came.
	QueueFull = "queue_full"
	// Shutdown: the span came too late, or the exporter had no time left to send it.
	Shutdown = "shutdown"
	// ExportFailed: the exporter gave up on the span without a better reason.
	ExportFailed = "export_failed"
	// SpoolFull: the spool was full, and this was among the oldest in it.
	SpoolFull = "spool_full"
	// SpoolCorrupt: what was in the spool cannot be read.
	SpoolCorrupt = "spool_corrupt"
	// SpoolFailed: the disk did not take it.
	SpoolFailed = "spool_failed"
)

// Stats is what became of the spans that one exporter was offered:
//
//	Offered + Found = Exported + Skipped + Queued + Spooled + every value of Lost
//
// That holds exactly whenever no call of Span or Shutdown is under way.
type Stats struct {
	// Exporter is the name it was chosen by.
	Exporter string
	// Offered counts the calls of Pipeline.Span.
	Offered uint64
	// Exported counts the spans that the exporter took.
	Exported uint64
	// Skipped counts the spans after the last one wanted (Config.Count).
	Skipped uint64
	// Queued is how many spans wait or are being exported right now.
	Queued uint64
	// Spooling says that there is a spool. Spooled is how many spans are in it, SpooledBytes what its files take, and Found
	// how many spans were in it when it was opened.
	Spooling     bool
	Spooled      uint64
	SpooledBytes uint64
	Found        uint64
	// Early counts the traces that were printed in parts for want of room; their spans are in Exported.
	Early uint64
	// Lost counts the other spans by reason; reasons without a loss are absent.
	Lost map[string]uint64
}

// Samples are the pipeline's figures for the agent's telemetry; it is a telemetry.Source.
func (p *Pipeline) Samples() []telemetry.Sample {
	samples := p.redaction.Samples()
	for _, stats := range p.Stats() {
		labels := []telemetry.Label{{Name: "exporter", Value: stats.Exporter}}
		noun := "exported"
		if len(p.lanes) > 1 {
			noun = "exported by " + stats.Exporter
		}
		samples = append(samples,
			telemetry.Sample{Name: "exported_spans", Noun: noun, Labels: labels, Value: stats.Exported,
				Help: "Spans that an exporter delivered."},
			telemetry.Sample{Name: "export_queue_spans", Kind: telemetry.Level, Labels: labels, Value: stats.Queued,
				Help: "Spans that wait for an exporter or are being exported."},
			telemetry.Sample{Name: "early_traces", Labels: labels, Value: stats.Early,
				Help: "Traces that were printed before they were complete, for want of room."})
		if stats.Spooling {
			samples = append(samples,
				telemetry.Sample{Name: "spooled_spans", Noun: "in the spool", Kind: telemetry.Level, Labels: labels, Value: stats.Spooled,
					Help: "Spans that wait on disk for their receiver."},
				telemetry.Sample{Name: "spool_bytes", Kind: telemetry.Level, Labels: labels, Value: stats.SpooledBytes,
					Help: "What the files of the spool take."},
				telemetry.Sample{Name: "spool_found_spans", Labels: labels, Value: stats.Found,
					Help: "Spans that were in the spool when the agent started."})
		}
		for _, reason := range slices.Sorted(maps.Keys(stats.Lost)) {
			samples = append(samples, telemetry.Lost(reason, stats.Lost[reason]))
		}
	}
	return samples
}
