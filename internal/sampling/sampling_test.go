package sampling

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// The thresholds of "TraceState: Probability Sampling", 1-in-N at precision 4.
func TestThresholds(t *testing.T) {
	for n, want := range map[float64]string{
		1: "0", 2: "8", 3: "aaab", 4: "c", 5: "cccd", 8: "e", 10: "e666", 16: "f", 100: "fd70a", 1000: "ffbe77",
		1e4: "fff9724", 1e5: "ffff583a", 1e6: "ffffef39",
	} {
		s := Sampler{Threshold: ThresholdOf(1 / n), Ratio: true}
		if got := s.Told(); got != want {
			t.Errorf("1 in %v: th %s, want %s", n, got, want)
		}
	}
	for ratio, want := range map[float64]uint64{1: 0, 0: Range, 0x1p-58: Range, 0x1p-56: Range - 1, 0.75: Range / 4} {
		if got := ThresholdOf(ratio); got != want {
			t.Errorf("ratio %v: %x, want %x", ratio, got, want)
		}
	}
	if got := (Sampler{Threshold: 0x00100000000000, Ratio: true}).Told(); got != "001" {
		t.Errorf("leading zeros are kept: %s", got)
	}
	for _, s := range []Sampler{{}, Default(), {Threshold: Range, Ratio: true}} {
		if got := s.Told(); got != "" {
			t.Errorf("%+v tells %q", s, got)
		}
	}
}

func TestRoot(t *testing.T) {
	const n = 100_000
	random := rand.New(rand.NewPCG(1, 2))
	for _, ratio := range []float64{0, 0.001, 0.01, 0.25, 0.5, 0.9, 1} {
		s, taken := Sampler{Threshold: ThresholdOf(ratio)}, 0
		for range n {
			var id [16]byte
			binary.BigEndian.PutUint64(id[:], random.Uint64())
			binary.BigEndian.PutUint64(id[8:], random.Uint64())
			if s.Root(id) {
				taken++
			}
		}
		if within := 5 * math.Sqrt(n*ratio*(1-ratio)); math.Abs(float64(taken)-n*ratio) > within {
			t.Errorf("%d of %d traces at ratio %v", taken, n, ratio)
		}
	}
}

// Only the rightmost 56 bits count, and the threshold itself is sampled.
func TestRandomness(t *testing.T) {
	s := Sampler{Threshold: 0x80000000000000}
	for _, c := range []struct {
		id   [16]byte
		want bool
	}{
		{[16]byte{9: 0x80}, true},
		{[16]byte{9: 0x7f, 10: 0xff, 11: 0xff, 12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff}, false},
		{[16]byte{0: 0xff, 7: 0xff, 8: 0xff}, false},
	} {
		if got := s.Root(c.id); got != c.want {
			t.Errorf("%x: %t", c.id, got)
		}
	}
}

func TestAdopted(t *testing.T) {
	high, low := [16]byte{9: 0xff}, [16]byte{1}
	half := Sampler{Threshold: Range / 2}
	based := half
	based.ParentBased = true
	for _, c := range []struct {
		sampler Sampler
		id      [16]byte
		flag    bool
		want    bool
	}{
		{based, low, true, true}, {based, high, false, false},
		{half, low, true, false}, {half, high, false, true},
		{Sampler{}, low, false, true}, {Sampler{Threshold: Range}, high, true, false},
	} {
		if got := c.sampler.Adopted(c.id, c.flag); got != c.want {
			t.Errorf("%+v of %x with %t: %t", c.sampler, c.id, c.flag, got)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	quarter := ThresholdOf(0.25)
	for _, c := range []struct {
		name, arg string
		want      Sampler
		fails     bool
	}{
		{"", "nonsense", Sampler{ParentBased: true}, false},
		{"always_on", "", Sampler{}, false},
		{"always_off", "7", Sampler{Threshold: Range}, false},
		{"traceidratio", "0.25", Sampler{Threshold: quarter, Ratio: true}, false},
		{"traceidratio", "", Sampler{Ratio: true}, false},
		{"traceidratio", "0", Sampler{Threshold: Range, Ratio: true}, false},
		{"parentbased_always_on", "", Sampler{ParentBased: true}, false},
		{"parentbased_always_off", "", Sampler{ParentBased: true, Threshold: Range}, false},
		{"ParentBased_TraceIdRatio", "0.25", Sampler{ParentBased: true, Threshold: quarter, Ratio: true}, false},
		{name: "parentbased_jaeger_remote", fails: true},
		{name: "jaeger_remote", fails: true},
		{name: "xray", fails: true},
		{name: "parentbased_", fails: true},
		{name: "sometimes", fails: true},
		{name: "traceidratio", arg: "25%", fails: true},
		{name: "traceidratio", arg: "1.01", fails: true},
		{name: "traceidratio", arg: "-0.1", fails: true},
		{name: "traceidratio", arg: "NaN", fails: true},
	} {
		got, err := FromEnvironment(func(key string) string {
			return map[string]string{samplerVariable: c.name, argumentVariable: c.arg}[key]
		})
		if (err != nil) != c.fails || err == nil && got != c.want {
			t.Errorf("%s %s: %+v, %v", c.name, c.arg, got, err)
		}
	}
}
