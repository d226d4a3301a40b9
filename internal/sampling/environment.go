package sampling

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	samplerVariable  = "OTEL_TRACES_SAMPLER"
	argumentVariable = "OTEL_TRACES_SAMPLER_ARG"
)

// FromEnvironment reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, as "General SDK Configuration" of the
// specification names them. An error is one sentence.
func FromEnvironment(getenv func(string) string) (Sampler, error) {
	name := getenv(samplerVariable)
	s := Default()
	if name == "" {
		return s, nil
	}
	kind, based := strings.CutPrefix(strings.ToLower(name), "parentbased_")
	s.ParentBased = based
	switch kind {
	case "always_on":
	case "always_off":
		s.Threshold = Range
	case "traceidratio":
		ratio, err := parseRatio(getenv(argumentVariable))
		if err != nil {
			return Default(), err
		}
		s.Threshold, s.Ratio = ThresholdOf(ratio), true
	case "jaeger_remote", "xray":
		return Default(), fmt.Errorf("%s=%s cannot be used: the agent asks no server what to sample; use parentbased_traceidratio",
			samplerVariable, name)
	default:
		return Default(), fmt.Errorf("%s=%q cannot be used: use always_on, always_off, traceidratio, or one of them behind parentbased_",
			samplerVariable, name)
	}
	return s, nil
}

// parseRatio reads the argument of a ratio; none means all.
func parseRatio(text string) (float64, error) {
	if text == "" {
		return 1, nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) { // not a number is neither
		return 0, fmt.Errorf("%s=%q cannot be used: a ratio is a number from 0 to 1", argumentVariable, text)
	}
	return ratio, nil
}
