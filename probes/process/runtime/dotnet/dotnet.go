// Package dotnet recognises programs run by .NET.
package dotnet

import (
	"path"
	"regexp"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises processes that have mapped the .NET runtime.
type Recogniser struct{}

var version = regexp.MustCompile(`/Microsoft\.NETCore\.App/(\d+(?:\.\d+)+)`)

// Recognise names the program by its assembly.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	lib := s.Library("libcoreclr.so", "libhostfxr.so")
	if lib == "" && s.Base() != "dotnet" {
		return nil, nil
	}
	r := &runtime.Runtime{Kind: "dotnet", Name: ".NET", Language: "dotnet"}
	if m := version.FindStringSubmatch(s.Library("libcoreclr.so")); m != nil {
		r.Version = m[1]
	}
	if s.Base() == "dotnet" && len(s.Args) > 1 {
		r.Program = program(s.Args[1:])
	}
	return r, nil
}

// program finds the assembly in "dotnet [exec] [options] app.dll [arguments]".
func program(args []string) string {
	for _, arg := range args {
		if strings.HasSuffix(arg, ".dll") {
			return strings.TrimSuffix(path.Base(arg), ".dll")
		}
	}
	return ""
}
