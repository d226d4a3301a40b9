// Package python recognises programs run by CPython.
package python

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises CPython by its library or the name of its binary.
type Recogniser struct{}

var (
	binary  = regexp.MustCompile(`^python(?:(\d+(?:\.\d+)?))?$`)
	library = regexp.MustCompile(`^libpython(\d+\.\d+)`)
)

// Recognise names the program by its script, module or application.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	lib := s.Library("libpython")
	bin := binary.FindStringSubmatch(s.Base())
	if lib == "" && bin == nil {
		return nil, nil
	}
	r := &runtime.Runtime{Kind: "python", Name: "cpython", Language: "python"}
	if bin != nil {
		r.Version = bin[1]
		r.Program = program(s.Args)
	}
	if m := library.FindStringSubmatch(path.Base(lib)); m != nil {
		r.Version = m[1]
	}
	if v := exactVersion(s, lib); v != "" {
		r.Version = v
	}
	return r, nil
}

// exactVersion reads Py_Version (since CPython 3.11), from the library when there
// is one, else from the executable.
func exactVersion(s *runtime.Subject, lib string) string {
	if lib == "" || s.Root == "" {
		if s.Exe == nil {
			return ""
		}
		return readVersion(s.Exe)
	}
	f, err := os.Open(filepath.Join(s.Root, lib))
	if err != nil {
		return ""
	}
	defer f.Close()
	return readVersion(f)
}

// readVersion decodes the constant Py_Version: a byte each of major, minor and
// micro, then release level and serial (Include/patchlevel.h, PY_VERSION_HEX).
func readVersion(r io.ReaderAt) string {
	f, err := elf.NewFile(r)
	if err != nil {
		return ""
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return ""
	}
	for _, sym := range symbols {
		if sym.Name != "Py_Version" || sym.Size < 4 || int(sym.Section) >= len(f.Sections) {
			continue
		}
		section := f.Sections[sym.Section]
		b := make([]byte, 4)
		if section.Type == elf.SHT_NOBITS || sym.Value < section.Addr {
			return ""
		}
		if _, err := section.ReadAt(b, int64(sym.Value-section.Addr)); err != nil {
			return ""
		}
		v := f.ByteOrder.Uint32(b)
		return fmt.Sprintf("%d.%d.%d", v>>24, v>>16&0xff, v>>8&0xff)
	}
	return ""
}
