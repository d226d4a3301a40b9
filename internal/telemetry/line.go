package telemetry

import (
	"strconv"
	"strings"
)

// Line is the state of the agent in one line, without a line break:
//
//	throughline: 12,345 events, 5,000 spans, 5,000 exported; lost: 12 ring_full
//
// Every loss that is not zero is on it by its reason; "lost: none" says that there is none.
func (s *Set) Line() string {
	var nouns, reasons []string
	values := map[string]uint64{}
	for _, sample := range s.Snapshot() {
		switch {
		case sample.Kind == Loss && sample.Value > 0:
			reasons = append(reasons, grouped(sample.Value)+" "+sample.Name)
		case sample.Kind != Loss && sample.Noun != "":
			if _, seen := values[sample.Noun]; !seen {
				nouns = append(nouns, sample.Noun)
			}
			values[sample.Noun] += sample.Value
		}
	}
	var b strings.Builder
	b.WriteString("throughline: ")
	for i, noun := range nouns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(grouped(values[noun]))
		b.WriteByte(' ')
		if values[noun] == 1 {
			noun = strings.TrimSuffix(noun, "s")
		}
		b.WriteString(noun)
	}
	if len(nouns) > 0 {
		b.WriteString("; ")
	}
	b.WriteString("lost: ")
	if len(reasons) == 0 {
		reasons = []string{"none"}
	}
	b.WriteString(strings.Join(reasons, ", "))
	return b.String()
}

// grouped writes n with a comma between each group of three digits.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
