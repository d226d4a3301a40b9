// Package runtime holds what runtime recognition shares: what a recogniser is
// given, what it answers, and how. One folder below this one recognises one
// runtime; the list of them is in package process.
package runtime

import (
	"io"
	"path"
	"strings"
)

// Subject is the program to recognise. All of it is foreign input.
type Subject struct {
	// Path is the executable in its own mount namespace.
	Path string
	// Exe reads the executable; nil when it cannot be opened.
	Exe io.ReaderAt
	// Args is the command line.
	Args []string
	// Libraries are the paths of mapped libraries in its own mount namespace.
	Libraries []string
	// Root is a path at which the agent sees the program's root directory, ""
	// when it cannot.
	Root string
}

// Runtime is what executes a program.
type Runtime struct {
	// Kind is the recogniser's own word: go, java, node, python, ...
	Kind string
	// Name and Version are the semantic conventions' process.runtime.name and
	// process.runtime.version; "" when unknown.
	Name, Version string
	// Language is the semantic conventions' telemetry.sdk.language.
	Language string
	// Program is the name of what it runs, when that is not the executable's
	// own: a script, module, archive or main class. "" otherwise.
	Program string
}

// Recogniser knows one runtime.
type Recogniser interface {
	// Recognise returns nil, nil when the program is not of its runtime. An
	// error says that it is, but that the file makes no sense.
	Recognise(*Subject) (*Runtime, error)
}

// Base returns the last element of the executable's path.
func (s *Subject) Base() string { return path.Base(s.Path) }

// Library returns the path of the first library whose base name begins with
// one of the prefixes, or "".
func (s *Subject) Library(prefixes ...string) string {
	for _, l := range s.Libraries {
		for _, prefix := range prefixes {
			if strings.HasPrefix(path.Base(l), prefix) {
				return l
			}
		}
	}
	return ""
}

// Stem returns a path's last element without the given extensions.
func Stem(p string, extensions ...string) string {
	base := path.Base(p)
	for _, ext := range extensions {
		if stem, ok := strings.CutSuffix(base, ext); ok && stem != "" {
			return stem
		}
	}
	return base
}

// Operands drops leading options from a command line (its first element, the
// command, excluded): what begins with '-', and the value after each option
// that withValue names. It stops at "--" and at the first operand.
func Operands(args []string, withValue ...string) []string {
	for len(args) > 0 {
		arg := args[0]
		if arg == "--" {
			return args[1:]
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			return args
		}
		args = args[1:]
		for _, option := range withValue {
			if arg == option && len(args) > 0 {
				args = args[1:]
				break
			}
		}
	}
	return nil
}
