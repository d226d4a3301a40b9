package main

import (
	"github.com/throughline/throughline/correlate"
	"github.com/throughline/throughline/correlate/route"
	"github.com/throughline/throughline/export/redact"
	"github.com/throughline/throughline/internal/config"
)

// redactor puts the settings of redaction and the limits of OpenTelemetry's variables together.
func redactor(c config.Redaction, getenv func(string) string) (*redact.Redactor, error) {
	limits, err := redact.LimitsFromEnvironment(getenv)
	if err != nil {
		return nil, usageError{err}
	}
	settings := redact.Config{Off: !c.Enabled, Headers: c.Headers, Salt: c.Salt, Limits: limits}
	for _, r := range c.Rules {
		settings.Rules = append(settings.Rules, redact.Rule(r))
	}
	made, err := redact.New(settings)
	if err != nil {
		return nil, usageError{err}
	}
	return made, nil
}

// routesOf says whose routes are inferred.
func routesOf(c config.Config) correlate.Routes {
	return correlate.Routes{
		Served: c.Routes != config.RoutesOff,
		Made:   c.Routes == config.RoutesAll,
		Table:  route.Config{File: c.RoutesFile},
	}
}
