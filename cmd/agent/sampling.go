package main

import (
	"fmt"

	"github.com/throughline/throughline/correlate"
	"github.com/throughline/throughline/internal/config"
	"github.com/throughline/throughline/internal/sampling"
	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/process"
)

// samplingOptions puts OpenTelemetry's sampler and the agent's own rules together: the kernel decides, and behind it the
// rules keep what it did not sample. What is measured has to be reported, whether it is sampled or not.
func samplingOptions(c config.Sampling, measured bool, resource process.ResourceOptions, getenv func(string) string) (probes.Sampling, correlate.Sampling, error) {
	sampler, err := sampling.FromEnvironment(getenv)
	if err == nil && c.KeepSlowerThan < 0 {
		err = fmt.Errorf("spans cannot be kept that take longer than %v: use a time such as 500ms, or 0 for none", c.KeepSlowerThan)
	}
	if err != nil {
		return probes.Sampling{}, correlate.Sampling{}, usageError{err}
	}
	spans := correlate.Sampling{
		Sampler: sampler, MaxPerSecond: c.MaxPerSecond, KeepErrors: c.KeepErrors, KeepSlowerThan: c.KeepSlowerThan,
	}
	kernel := probes.Sampling{Sampler: sampler, MaxPerSecond: c.MaxPerSecond, ReportUnsampled: spans.Keeps() || measured}
	if c.MaxPerSecond > 0 {
		kernel.Service = func(p *process.Process) string {
			name, _ := p.Resource(resource).Set().Value("service.name")
			return name.AsString()
		}
	}
	return kernel, spans, nil
}
