// Package native describes programs that no other recogniser knows: compiled to
// machine code, in a language that only its traces tell.
package native

import (
	"bytes"
	"debug/elf"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser accepts every program.
type Recogniser struct{}

// maxComment bounds the section that names the compilers, in bytes.
const maxComment = 64 << 10

// Recognise tells Rust by the compiler's name in the file and C++ by its library.
// Other languages are "unknown": the semantic conventions have no word for C, and
// allow words of one's own.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	r := &runtime.Runtime{Kind: "native", Language: "unknown"}
	switch {
	case builtBy(s, "rustc"):
		r.Language = "rust"
	case s.Library("libstdc++.so", "libc++.so") != "":
		r.Language = "cpp"
	}
	return r, nil
}

func builtBy(s *runtime.Subject, compiler string) bool {
	if s.Exe == nil {
		return false
	}
	f, err := elf.NewFile(s.Exe)
	if err != nil {
		return false
	}
	section := f.Section(".comment")
	if section == nil || section.Type == elf.SHT_NOBITS || section.Size > maxComment {
		return false
	}
	b, err := section.Data()
	return err == nil && bytes.Contains(b, []byte(compiler))
}
