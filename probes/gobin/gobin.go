// Package gobin reads Go executables for a tracer that places uprobes: which Go
// and which modules built them, where functions are, at which instruction a
// probe costs least, and where the fields of structs lie.
//
// Files are hostile until proven otherwise: every size is capped, every offset
// checked, and memory stays bounded whatever the size of the file. Read are
// 64-bit little-endian ELF files for amd64 and arm64, built by Go 1.18 or newer.
package gobin

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// Errors to branch on; what is wrong in detail stands around them.
var (
	// ErrNotGo says that a file is no Go executable of a supported kind.
	ErrNotGo = errors.New("not a supported Go executable")
	// ErrDamaged says that a file contradicts itself or a cap.
	ErrDamaged = errors.New("damaged file")
	// ErrNoSite says that no instruction of a function is proven fit for a probe.
	ErrNoSite = errors.New("no provable probe site")
	// ErrNoDWARF says that a file has no debug information that can be read.
	ErrNoDWARF = errors.New("no debug information")
	// ErrNotFound says that a file lacks what was asked for.
	ErrNotFound = errors.New("not found")
)

// A File is an open executable. Its methods may be called concurrently.
type File struct {
	Facts
	name   string
	image  *image
	closer io.Closer
}

// OpenFile opens the executable at path and reads its facts. The caller closes it.
func OpenFile(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	stat, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("reading %s: %w: not a regular file", path, ErrNotGo)
	}
	f, err := Open(path, file, stat.Size())
	if err != nil {
		file.Close()
		return nil, err
	}
	f.closer = file
	return f, nil
}

// Open reads the facts of an executable of size bytes. The name is for errors
// only. The reader stays the caller's: Close does not close it, and it must be
// usable until then.
func Open(name string, r io.ReaderAt, size int64) (*File, error) {
	im, err := readImage(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	f := &File{name: name, image: im}
	if f.Facts, err = readFacts(im); err != nil {
		return nil, fmt.Errorf("reading build information of %s: %w", name, err)
	}
	return f, nil
}

// Close closes the file that OpenFile opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// machineName names the architectures as GOARCH does.
func machineName(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return ""
}
