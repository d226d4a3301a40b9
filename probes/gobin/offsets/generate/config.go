package main

import (
	"fmt"
	"strings"

	"github.com/throughline/throughline/probes/gobin"
)

// A program is one of testdata with what it is built with.
type program struct {
	name     string
	module   string   // offsets.Std for the toolchain
	versions []string // of the module
}

// lines yields the words of the lines that are no comments.
func lines(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			all = append(all, words)
		}
	}
	return all
}

func parseVersions(text string) ([]program, error) {
	var all []program
	for _, words := range lines(text) {
		if len(words) < 3 {
			return nil, fmt.Errorf("no version in %q", strings.Join(words, " "))
		}
		all = append(all, program{words[0], words[1], words[2:]})
	}
	return all, nil
}

// parseFields returns the fields of each module.
func parseFields(text string) (map[string][]gobin.Field, error) {
	all := map[string][]gobin.Field{}
	module := ""
	for _, words := range lines(text) {
		if len(words) < 2 || words[0] != "module" && module == "" {
			return nil, fmt.Errorf("no fields in %q, or no module before it", strings.Join(words, " "))
		}
		if words[0] == "module" {
			module = words[1]
			continue
		}
		for _, name := range words[1:] {
			all[module] = append(all[module], gobin.Field{Type: words[0], Name: name})
		}
	}
	return all, nil
}
