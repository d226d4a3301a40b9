// Package golang recognises Go programs and finds in their files where the
// goroutine stands: the offset of g in thread-local storage and of goid in g.
package golang

import (
	"debug/buildinfo"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises programs built by the Go toolchain, stripped ones too.
type Recogniser struct{}

// Recognise reads the build information that the Go linker leaves in a file.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	if s.Exe == nil {
		return nil, nil
	}
	info, err := buildinfo.Read(s.Exe)
	if err != nil {
		return nil, nil // no build information: not Go
	}
	version, _, _ := strings.Cut(info.GoVersion, " ")
	return &runtime.Runtime{Kind: "go", Name: "go", Version: version, Language: "go"}, nil
}
