// Package sampling holds the rules by which traces are sampled: OpenTelemetry's own samplers and what the agent adds.
// The kernel decides by them (bpf/sampling.h); here they are read, handed to it, and applied to what it did not tell
// apart.
package sampling

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

const (
	// Range is one more than the largest randomness: the rightmost 56 bits of a trace id, W3C Trace Context level 2,
	// section 3.2.2.3.1. As a threshold it rejects everything.
	Range = 1 << 56

	hexDigits = 14 // of a threshold
	hexBits   = 4
	// precision is how many significant digits of a ratio's threshold are kept: "TraceState: Probability Sampling"
	// recommends 4 to SDKs.
	precision = 4
)

// Words of tracestate, "TraceState Handling" of the specification.
const (
	MemberKey    = "ot"
	ThresholdKey = "th"
)

// A Sampler decides which traces are sampled. The zero value samples everything, whatever came with a request.
type Sampler struct {
	// ParentBased follows the flag of a span's parent; the threshold is for spans without one.
	ParentBased bool
	// Threshold is the least randomness that is sampled: 0 samples everything, Range nothing.
	Threshold uint64
	// Ratio is set if the threshold is a ratio's: then it is told in tracestate.
	Ratio bool
}

// Default is OpenTelemetry's: parentbased_always_on.
func Default() Sampler { return Sampler{ParentBased: true} }

// Root decides for a span without a parent.
func (s Sampler) Root(trace [16]byte) bool { return randomness(trace) >= s.Threshold }

// Adopted decides for a span whose parent, not one of the agent's, has this flag.
func (s Sampler) Adopted(trace [16]byte, sampled bool) bool {
	if s.ParentBased {
		return sampled
	}
	return s.Root(trace)
}

// Told is the ratio's threshold as the th of tracestate has it: hexadecimal digits without trailing zeros, "0" for all;
// "" if there is none to tell.
func (s Sampler) Told() string {
	switch {
	case !s.Ratio || s.Threshold >= Range:
		return ""
	case s.Threshold == 0:
		return "0"
	}
	digits := strconv.FormatUint(s.Threshold, 16)
	return strings.TrimRight(strings.Repeat("0", hexDigits-len(digits))+digits, "0")
}

// randomness is what a trace id is compared by.
func randomness(trace [16]byte) uint64 {
	return binary.BigEndian.Uint64(trace[8:]) & (Range - 1)
}

// ThresholdOf is the threshold that samples a ratio of the traces, 0 to 1, rounded as the specification does: to four
// hexadecimal digits, and one more for each leading f. A ratio below 2^-56 samples nothing.
func ThresholdOf(ratio float64) uint64 {
	if ratio >= 1 {
		return 0
	}
	scaled := uint64(math.Round(ratio * Range))
	if scaled == 0 {
		return Range
	}
	_, exponent := math.Frexp(ratio)
	shift := hexBits * (hexDigits - min(hexDigits, precision+exponent/-hexBits))
	threshold := uint64(Range) - scaled
	if shift > 0 {
		threshold = (threshold + 1<<(shift-1)) >> shift << shift
	}
	return threshold
}
