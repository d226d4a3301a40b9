// Package node recognises programs run by Node.js.
package node

import (
	"bytes"
	"debug/elf"
	"io"
	"regexp"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises Node.js by the name of its binary or of its library.
type Recogniser struct{}

// Recognise names the program by its script.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	base := s.Base()
	if base != "node" && base != "nodejs" && s.Library("libnode.so") == "" {
		return nil, nil
	}
	r := &runtime.Runtime{Kind: "node", Name: "nodejs", Language: "nodejs"}
	if s.Exe != nil {
		r.Version = version(s.Exe)
	}
	if len(s.Args) > 1 {
		r.Program = program(s.Args[1:])
	}
	return r, nil
}

// program reads "[options] script [arguments]".
func program(args []string) string {
	operands := runtime.Operands(args, "-r", "--require", "--import", "--loader", "--experimental-loader",
		"-C", "--conditions", "--title", "--env-file", "--icu-data-dir", "--openssl-config")
	for _, arg := range args[:len(args)-len(operands)] {
		switch arg {
		case "-e", "--eval", "-p", "--print", "-pe", "-i", "--interactive":
			return ""
		}
	}
	if len(operands) == 0 || operands[0] == "-" {
		return ""
	}
	return runtime.Stem(operands[0], ".js", ".mjs", ".cjs", ".ts")
}

// Node keeps the address of its own source, process.release.sourceUrl, among its
// constants (src/node_metadata.cc).
var (
	releaseURL  = []byte("https://nodejs.org/download/release/")
	versionForm = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+`)
)

// maxConstants bounds what is read of .rodata, in bytes: Node 20 has 50 MB with
// its snapshot and ICU data.
const maxConstants = 64 << 20

// version searches the constants, a window at a time.
func version(exe io.ReaderAt) string {
	f, err := elf.NewFile(exe)
	if err != nil {
		return ""
	}
	constants := f.Section(".rodata")
	if constants == nil || constants.Type == elf.SHT_NOBITS {
		return ""
	}
	const window, overlap = 256 << 10, 64
	b := make([]byte, window+overlap)
	for at := int64(0); at < int64(min(constants.FileSize, maxConstants)); at += window {
		n, err := constants.ReadAt(b, at)
		if i := bytes.Index(b[:n], releaseURL); i >= 0 {
			if v := versionForm.Find(b[i+len(releaseURL) : n]); v != nil {
				return strings.TrimPrefix(string(v), "v")
			}
		}
		if err != nil {
			return ""
		}
	}
	return ""
}
