package export

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/throughline/throughline/export/spool"
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
	// Spool is where spans wait for a receiver that is away.
	Spool Spool
}

// Spool is what exporters to the network keep on disk.
type Spool struct {
	// Dir is a directory of the agent's own, with one below it for each exporter; "": none, spans wait in memory.
	Dir string
	// MaxBytes is how much each exporter may keep there.
	MaxBytes int64
}

// Default is what a program exports that was told nothing: OTLP, as the OpenTelemetry specification says.
func Default() Config {
	return Config{Exporters: []string{"otlp"}, Spool: Spool{MaxBytes: spool.DefaultBytes}}
}

// variablePrefix begins the variables of an exporter's settings: its name in upper case, _, and the key follow.
const variablePrefix = "THROUGHLINE_EXPORTERS_"

// FromEnvironment is what the configuration file says of exporters, as changed by the environment. OTEL_TRACES_EXPORTER, a
// list of names with commas between them, chooses; without it, those that the file names are chosen, else the default.
func FromEnvironment(file map[string]destination.Settings) (Config, error) {
	config := Default()
	if len(file) > 0 {
		config.Exporters = nil
		for _, k := range kinds {
			if s, ok := file[k.name]; ok {
				config.Exporters = append(config.Exporters, k.name)
				if err := s.Check(k.keys); err != nil {
					return Config{}, fmt.Errorf("reading exporters.%s of the configuration: %w", k.name, err)
				}
			}
		}
		if len(config.Exporters) < len(file) {
			return Config{}, fmt.Errorf("reading exporters of the configuration: %w", unknown(file))
		}
	}
	if value := strings.TrimSpace(os.Getenv("OTEL_TRACES_EXPORTER")); value != "" {
		config.Exporters = nil
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(config.Exporters, name) {
				config.Exporters = append(config.Exporters, name)
			}
		}
		if err := config.Validate(); err != nil {
			return Config{}, fmt.Errorf("reading OTEL_TRACES_EXPORTER: %w", err)
		}
	}
	config.Destinations = map[string]destination.Settings{}
	for _, name := range config.Exporters {
		s, err := file[name].Override(variablePrefix+strings.ToUpper(name)+"_", os.Getenv)
		if err != nil {
			return Config{}, err
		}
		config.Destinations[name] = s
	}
	return config, nil
}

// unknown names an exporter of the file that there is not.
func unknown(file map[string]destination.Settings) error {
	names := slices.Sorted(maps.Keys(file))
	i := slices.IndexFunc(names, func(name string) bool {
		_, ok := find(name)
		return !ok
	})
	return fmt.Errorf("unknown exporter %q; known are %s", names[i], strings.Join(Names(), ", "))
}

// Validate says in one sentence what is wrong with the configuration, if anything is.
func (c Config) Validate() error {
	if len(c.Exporters) == 0 {
		return fmt.Errorf("choosing exporters: none is named; write %q to export nothing", None)
	}
	if c.Count < 0 {
		return fmt.Errorf("limiting the output to %d: the count must not be negative", c.Count)
	}
	if c.Spool.Dir != "" && c.Spool.MaxBytes < spool.MinBytes {
		return fmt.Errorf("limiting the spool to %d bytes: %d are the least", c.Spool.MaxBytes, spool.MinBytes)
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
