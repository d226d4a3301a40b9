// Package ruby recognises programs run by the reference implementation of Ruby.
package ruby

import (
	"path"
	"regexp"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises Ruby by its library or the name of its binary.
type Recogniser struct{}

var (
	binary  = regexp.MustCompile(`^ruby(\d+(?:\.\d+)*)?$`)
	library = regexp.MustCompile(`^libruby(?:-[\d.]+)?\.so\.(\d+(?:\.\d+)*)`)
	// title is how the Puma server rewrites its command line:
	// "puma 6.4.0 (tcp://0.0.0.0:3000) [shop]", "puma: cluster worker 0: 7 [shop]".
	title = regexp.MustCompile(`^puma.*\[([^\]]+)\]\s*$`)
)

// Recognise names the program by its script.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	lib := s.Library("libruby")
	bin := binary.FindStringSubmatch(s.Base())
	if lib == "" && bin == nil {
		return nil, nil
	}
	r := &runtime.Runtime{Kind: "ruby", Name: "ruby", Language: "ruby"}
	if bin != nil {
		r.Version = bin[1]
		r.Program = program(s.Args)
	}
	if m := library.FindStringSubmatch(path.Base(lib)); m != nil {
		r.Version = m[1]
	}
	return r, nil
}

func program(args []string) string {
	if len(args) == 0 {
		return ""
	}
	if m := title.FindStringSubmatch(args[0]); m != nil {
		return m[1]
	}
	for _, arg := range args[1:] {
		if arg == "-e" {
			return ""
		}
		if !strings.HasPrefix(arg, "-") {
			break
		}
	}
	operands := runtime.Operands(args[1:], "-I", "-r", "-C", "-E")
	if len(operands) == 0 || operands[0] == "-" {
		return ""
	}
	return runtime.Stem(operands[0], ".rb", ".ru")
}
