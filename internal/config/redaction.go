package config

import (
	"fmt"
	"slices"
)

// Redaction is what is taken out of spans before they leave the host.
type Redaction struct {
	// Enabled is true if anything is; the rules below too hold only then.
	Enabled bool `yaml:"enabled"`
	// Headers are the names of header fields whose values may be exported.
	Headers []string `yaml:"headers"`
	// Salt is the key of the hashes that rules make.
	Salt string `yaml:"salt"`
	// Rules come before those that are built in.
	Rules []RedactionRule `yaml:"rules"`
}

// RedactionRule says what takes the place of what a pattern matches in some attributes.
type RedactionRule struct {
	Attribute string  `yaml:"attribute"`
	Pattern   string  `yaml:"pattern"`
	Replace   *string `yaml:"replace"`
	Hash      bool    `yaml:"hash"`
}

// Routes is one of the constants below.
type Routes string

// Whose routes are inferred from paths, where no framework tells them.
const (
	// RoutesInfer is of requests that targets serve.
	RoutesInfer Routes = "infer"
	// RoutesAll is of those that they make too.
	RoutesAll Routes = "all"
	// RoutesOff is of none.
	RoutesOff Routes = "off"
)

// UnmarshalText reads one of them. In YAML 1.1 off is a boolean, and arrives as it is written.
func (r *Routes) UnmarshalText(text []byte) error {
	all := []Routes{RoutesInfer, RoutesAll, RoutesOff}
	i := slices.Index(all, Routes(text))
	if i < 0 {
		return fmt.Errorf("routes cannot be %q: use infer, all or off", text)
	}
	*r = all[i]
	return nil
}
