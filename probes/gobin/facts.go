package gobin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"strings"
)

// Facts are what a file says of itself without its symbols.
type Facts struct {
	GoVersion string   // "go1.26.8", without what follows a space
	Main      Module   // of the main package; zero if it was built outside of one
	Deps      []Module // all that were linked in, in the order of the file

	Arch     string // as GOARCH: "amd64" or "arm64"
	PIE      bool   // addresses are relative to where the file is loaded
	Cgo      bool   // C code is linked in or loaded beside the Go code
	Stripped bool   // no symbol table; functions are still found, data is not
	DWARF    bool   // has debug information
}

// A Module is one that was linked into a file.
type Module struct {
	Path    string
	Version string // "v1.2.3", "(devel)" or ""
	// Replaced says that a replace directive put other code in the place of the
	// module: the version is that of the code that was built, of whatever path.
	Replaced bool
}

// Module returns the module with a path, the main one included.
func (f Facts) Module(path string) (Module, bool) {
	if f.Main.Path == path {
		return f.Main, true
	}
	for _, m := range f.Deps {
		if m.Path == path {
			return m, true
		}
	}
	return Module{}, false
}

// The layout of the build information since Go 1.18: see
// src/debug/buildinfo/buildinfo.go and src/cmd/link/internal/ld/data.go.
const (
	buildInfoMagic  = "\xff Go buildinf:"
	buildInfoAlign  = 16
	buildInfoHeader = 32
	flagsVersion    = 2       // set in the flags: strings follow the header
	sentinel        = 16      // bytes around the module information
	maxGoVersion    = 1 << 10 // bytes
	maxModuleInfo   = 2 << 20 // bytes; 350 modules take 37 KiB
	maxInfoSearch   = 16 << 20
)

func readFacts(im *image) (Facts, error) {
	version, modules, err := readBuildInfo(im)
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{Arch: machineName(im.machine), PIE: im.kind == elf.ET_DYN, Stripped: true}
	facts.GoVersion, _, _ = strings.Cut(version, " ")
	_, compressed := im.section(".zdebug_info")
	_, plain := im.section(".debug_info")
	facts.DWARF = compressed || plain
	if _, ok := im.symbolTable(); ok {
		facts.Stripped = false
	}
	cgoEnabled := false
	// A program built outside of modules, or by another build system, has none.
	if info, err := debug.ParseBuildInfo(modules); err == nil {
		facts.Main = moduleOf(&info.Main)
		for _, m := range info.Deps {
			facts.Deps = append(facts.Deps, moduleOf(m))
		}
		for _, s := range info.Settings {
			cgoEnabled = cgoEnabled || s.Key == "CGO_ENABLED" && s.Value == "1"
		}
	}
	facts.Cgo = im.needsLibraries() || cgoEnabled && im.threadLocals() > 8
	return facts, nil
}

func moduleOf(m *debug.Module) Module {
	if m.Replace != nil {
		return Module{Path: m.Path, Version: m.Replace.Version, Replaced: true}
	}
	return Module{Path: m.Path, Version: m.Version}
}

// readBuildInfo returns the Go version and the text of the module information.
func readBuildInfo(im *image) (version, modules string, err error) {
	at, size, err := findBuildInfo(im)
	if err != nil {
		return "", "", err
	}
	w := im.window(at, size)
	head, err := w.at(0, buildInfoHeader)
	if err != nil {
		return "", "", err
	}
	if head[15]&flagsVersion == 0 {
		return "", "", fmt.Errorf("%w: built by a Go older than 1.18", ErrNotGo)
	}
	next := uint64(buildInfoHeader)
	if version, next, err = readString(im, at, size, next, maxGoVersion); err != nil {
		return "", "", err
	}
	if modules, _, err = readString(im, at, size, next, maxModuleInfo); err != nil {
		return "", "", err
	}
	if len(modules) < 2*sentinel+1 || modules[len(modules)-sentinel-1] != '\n' {
		return version, "", nil
	}
	return version, modules[sentinel : len(modules)-sentinel], nil
}

// readString reads a length and as many bytes from a place behind at, and returns
// the place behind them.
func readString(im *image, at, size, place uint64, limit uint64) (string, uint64, error) {
	var head [binary.MaxVarintLen64]byte
	n := min(uint64(len(head)), size-min(place, size))
	if err := im.read(head[:n], at+place); err != nil {
		return "", 0, err
	}
	length, used := binary.Uvarint(head[:n])
	if used <= 0 || length > limit || length > size-place-uint64(used) {
		return "", 0, fmt.Errorf("%w: a string of %d bytes in the build information", ErrDamaged, length)
	}
	b := make([]byte, length)
	if err := im.read(b, at+place+uint64(used)); err != nil {
		return "", 0, err
	}
	return string(b), place + uint64(used) + length, nil
}

// findBuildInfo returns the part of the file that begins with the build
// information: the section of that name, or else it is searched at the beginning of the
// writable segments, where the linker puts it.
func findBuildInfo(im *image) (at, size uint64, err error) {
	var parts []section
	if s, ok := im.section(".go.buildinfo"); ok {
		parts = append(parts, s)
	}
	for _, s := range im.segments {
		if s.kind == elf.PT_LOAD && s.flags&elf.PF_W != 0 {
			parts = append(parts, section{offset: s.offset, size: s.filesz})
		}
	}
	for _, p := range parts {
		w := im.window(p.offset, p.size)
		for start := uint64(0); start+buildInfoHeader <= p.size && start < maxInfoSearch; start += windowSize {
			b, err := w.at(start, int(min(windowSize, p.size-start)))
			if err != nil {
				return 0, 0, err
			}
			for i := 0; ; i += buildInfoAlign {
				found := bytes.Index(b[min(i, len(b)):], []byte(buildInfoMagic))
				if found < 0 {
					break
				}
				if i += found; i%buildInfoAlign == 0 {
					return p.offset + start + uint64(i), p.size - start - uint64(i), nil
				}
				i -= i % buildInfoAlign
			}
		}
	}
	return 0, 0, fmt.Errorf("%w: no build information", ErrNotGo)
}

// needsLibraries tells whether the dynamic linker loads libraries for the file.
func (im *image) needsLibraries() bool {
	_, needed := im.dynamic(elf.DT_NEEDED)
	return needed
}

// threadLocals returns the size of the thread-local storage in bytes: Go alone
// has one word.
func (im *image) threadLocals() uint64 {
	for _, s := range im.segments {
		if s.kind == elf.PT_TLS {
			return s.memsz
		}
	}
	return 0
}
