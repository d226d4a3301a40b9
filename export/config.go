package export

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/throughline/throughline/internal/destination"
)

// None is the exporter name that means: export nothing.
const None = "none"

// Config chooses where spans go. How they get there is said by Destinations and, above them, by the OTEL_EXPORTER_* and
// OTEL_BSP_* variables, which the exporters read themselves.
type Config struct {
	// Exporters are names from Names(), each at most once; every one gets every span. None stands alone.
	Exporters []string
	// Destinations are settings of exporters, by name.
	Destinations map[string]destination.Settings
	// Count, when it is not zero, ends the output on a terminal after that many traces (waterfall) or spans (spans,
	// json, console); Pipeline.Done is closed then.
	Count int
}

// Default is what a program exports that was told nothing: OTLP, as the OpenTelemetry specification says.
func Default() Config { return Config{Exporters: []string{"otlp"}} }

// FromEnvironment is Default as changed by OTEL_TRACES_EXPORTER, a list of names with commas between them.
func FromEnvironment() (Config, error) {
	config := Default()
	value := strings.TrimSpace(os.Getenv("OTEL_TRACES_EXPORTER"))
	if value == "" {
		return config, nil
	}
	config.Exporters = nil
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(config.Exporters, name) {
			config.Exporters = append(config.Exporters, name)
		}
	}
	if err := config.Validate(); err != nil {
		return Config{}, fmt.Errorf("reading OTEL_TRACES_EXPORTER: %w", err)
	}
	return config, nil
}

// Validate says in one sentence what is wrong with the configuration, if anything is.
func (c Config) Validate() error {
	if len(c.Exporters) == 0 {
		return fmt.Errorf("choosing exporters: none is named; write %q to export nothing", None)
	}
	if c.Count < 0 {
		return fmt.Errorf("limiting the output to %d: the count must not be negative", c.Count)
	}
	for i, name := range c.Exporters {
		if name == None {
			if len(c.Exporters) > 1 {
				return errors.New(`choosing exporters: "none" cannot stand beside another name`)
			}
			continue
		}
		if _, ok := find(name); !ok {
			return fmt.Errorf("choosing exporters: unknown exporter %q; known are %s", name, strings.Join(Names(), ", "))
		}
		if slices.Contains(c.Exporters[:i], name) {
			return fmt.Errorf("choosing exporters: %q is named twice", name)
		}
	}
	return nil
}
