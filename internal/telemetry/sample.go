// Package telemetry shows the agent's own counters: as one line for stderr and as Prometheus metrics.
//
// It counts nothing itself. Each part of the agent keeps its own figures and hands over a snapshot of them through a
// Source; a Set puts the snapshots together. Whoever builds the graph names the sources, so there is no registry to
// find them in.
package telemetry

import (
	"slices"
	"strings"
)

// Kind says what a sample's value means.
type Kind uint8

const (
	// Count only rises: it becomes throughline_<name>_total.
	Count Kind = iota
	// Level rises and falls: it becomes throughline_<name>.
	Level
	// Loss counts what was lost for one reason: it becomes throughline_lost_total{reason="<name>"}.
	Loss
)

// Label is one name and value that tells samples of the same name apart.
type Label struct{ Name, Value string }

// Sample is one figure at the moment it was asked for.
type Sample struct {
	// Name is lower case with underscores: "events", or the reason of a loss: "ring_full".
	Name string
	// Help is the sentence that Prometheus shows. A loss needs none.
	Help string
	// Kind is Count unless said otherwise.
	Kind Kind
	// Labels tell apart samples of the same name. A loss has none: its name is its reason.
	Labels []Label
	// Noun is the plural after the figure on the line for stderr ("5,000 spans", "1 span"); without one the figure is left out
	// of the line. Samples with the same noun are added up there. A loss needs none: it shows when it is not zero.
	Noun string
	// Value is the figure.
	Value uint64
}

// Source gives the present figures of one part of the agent. It is called from any goroutine.
type Source func() []Sample

// Lost makes the sample for n things lost for one reason.
func Lost(reason string, n uint64) Sample {
	return Sample{Name: reason, Kind: Loss, Value: n}
}

// Set is the sources of one agent, in the order in which the line shows them.
type Set struct{ sources []Source }

// New makes the set of the given sources.
func New(sources ...Source) *Set {
	return &Set{sources: slices.Clone(sources)}
}

// Snapshot asks every source once. Samples that mean the same thing (kind, name, labels) are added up, and keep the
// place of the first.
func (s *Set) Snapshot() []Sample {
	var merged []Sample
	at := map[string]int{}
	for _, source := range s.sources {
		for _, sample := range source() {
			key := sample.key()
			if i, ok := at[key]; ok {
				merged[i].Value += sample.Value
				continue
			}
			at[key] = len(merged)
			merged = append(merged, sample)
		}
	}
	return merged
}

// key is equal for samples that mean the same figure.
func (s *Sample) key() string {
	var b strings.Builder
	b.WriteByte('0' + byte(s.Kind))
	b.WriteString(s.Name)
	for _, label := range s.Labels {
		b.WriteByte(0)
		b.WriteString(label.Name)
		b.WriteByte('=')
		b.WriteString(label.Value)
	}
	return b.String()
}
