// Package php recognises programs run by PHP.
package php

import (
	"regexp"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises PHP by the name of its binary.
type Recogniser struct{}

var binary = regexp.MustCompile(`^php(?:-(fpm|cgi))?(\d+\.\d+)?$`)

// Recognise names a pool server php-fpm, any other program by its script.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	m := binary.FindStringSubmatch(s.Base())
	if m == nil {
		return nil, nil
	}
	r := &runtime.Runtime{Kind: "php", Name: "php", Version: m[2], Language: "php"}
	switch {
	case m[1] != "":
		r.Program = "php-" + m[1]
	case len(s.Args) > 1:
		r.Program = script(s.Args[1:])
	}
	return r, nil
}

func script(args []string) string {
	operands := runtime.Operands(args, "-d", "-c", "-S", "-t", "-z")
	for i, arg := range args[:len(args)-len(operands)] {
		switch {
		case arg == "-r" || arg == "-a":
			return ""
		case arg == "-f" && i+1 < len(args):
			return runtime.Stem(args[i+1], ".php")
		}
	}
	if len(operands) == 0 || strings.HasPrefix(operands[0], "-") {
		return ""
	}
	return runtime.Stem(operands[0], ".php")
}
