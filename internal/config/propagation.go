package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Propagation is how the target that receives a request learns who sent it. In YAML it
// is the mode alone, or a mapping.
type Propagation struct {
	Mode PropagationMode `yaml:"mode"`
	// TCP carries joins to other hosts in a TCP option.
	TCP bool `yaml:"tcp"`
}

// A PropagationMode is one of the constants below.
type PropagationMode string

// The modes.
const (
	// PropagationAuto adds headers and joins what has none. A receiver on this host to
	// which headers mean nothing gets none.
	PropagationAuto PropagationMode = "auto"
	// PropagationHeaders adds headers wherever that is possible, and joins nothing.
	PropagationHeaders PropagationMode = "headers"
	// PropagationJoins leaves every byte that targets send as it is.
	PropagationJoins PropagationMode = "joins"
	// PropagationOff does neither.
	PropagationOff PropagationMode = "off"
)

// Inject tells whether headers are added.
func (m PropagationMode) Inject() bool { return m == PropagationAuto || m == PropagationHeaders }

// Join tells whether requests are joined.
func (m PropagationMode) Join() bool { return m == PropagationAuto || m == PropagationJoins }

// ParsePropagationMode reads a mode's name.
func ParsePropagationMode(s string) (PropagationMode, error) {
	all := []PropagationMode{PropagationAuto, PropagationHeaders, PropagationJoins, PropagationOff}
	if i := slices.Index(all, PropagationMode(s)); i >= 0 {
		return all[i], nil
	}
	return "", fmt.Errorf("no propagation is called %q: use auto, headers, joins or off", s)
}

// UnmarshalText reads a mode's name.
func (m *PropagationMode) UnmarshalText(text []byte) (err error) {
	*m, err = ParsePropagationMode(string(text))
	return err
}

// UnmarshalYAML reads the mode alone, or a mapping.
func (p *Propagation) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return p.Mode.decode(n)
	}
	for i := 0; i+1 < len(n.Content); i += 2 { // the decoder's own check ends at this method
		key, value := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "mode":
			if err := p.Mode.decode(value); err != nil {
				return err
			}
		case "tcp":
			on, err := ParseSwitch(value.Value)
			if err != nil {
				return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: propagation.tcp: %v", value.Line, err)}}
			}
			p.TCP = on
		default:
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: propagation.%s is not a setting", key.Line, key.Value)}}
		}
	}
	return nil
}

// decode reads the name as it is written: YAML 1.1 has a boolean called off.
func (m *PropagationMode) decode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: propagation is a name", n.Line)}}
	}
	if err := m.UnmarshalText([]byte(strings.TrimSpace(n.Value))); err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", n.Line, err)}}
	}
	return nil
}

// ParseSwitch reads on or off, or any other way to write a boolean.
func ParseSwitch(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "on", "yes":
		return true, nil
	case "off", "no":
		return false, nil
	}
	on, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%q is neither on nor off", s)
	}
	return on, nil
}
