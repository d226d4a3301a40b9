package golang

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// goidOffsets is the byte offset of goid in type g of src/runtime/runtime2.go on
// 64-bit machines by Go minor version, each read from the debug information of a
// program built with that version.
var goidOffsets = map[int]uint32{
	17: 152, 18: 152, 19: 152, 20: 152, 21: 152, 22: 152,
	23: 160, 24: 160, // syscallbp was added before it
	25: 152, 26: 152, 27: 152, // gobuf lost its ret
}

// maxDebug bounds the debug information that is read, in bytes uncompressed.
// Beyond cheapDebug the table is asked first: unpacking takes memory and time.
const (
	cheapDebug = 16 << 20
	maxDebug   = 128 << 20
)

func goidOffsetOf(f *elf.File, r io.ReaderAt) (uint32, error) {
	info, err := buildinfo.Read(r)
	if err != nil {
		return 0, fmt.Errorf("%w: no build information", ErrNotGo)
	}
	fromTable, known := goidOffsets[minorVersion(info.GoVersion)]
	if known && debugSize(f) > cheapDebug {
		return fromTable, nil
	}
	if offset, err := goidFromDWARF(f); err == nil {
		return offset, nil
	}
	if known {
		return fromTable, nil
	}
	return 0, fmt.Errorf("%w: no debug information in a program built by %s", ErrUnknown, info.GoVersion)
}

// minorVersion returns 26 for "go1.26.8", "go1.26rc1", "go1.26-custom X:exp" and
// "devel go1.26-abcdef"; -1 for what is no Go 1 version.
func minorVersion(version string) int {
	_, rest, ok := strings.Cut(version, "go1.")
	if !ok {
		return -1
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	minor, err := strconv.Atoi(rest[:end])
	if err != nil {
		return -1
	}
	return minor
}

func debugSize(f *elf.File) uint64 {
	var size uint64
	for _, s := range f.Sections {
		if strings.HasPrefix(s.Name, ".debug_") || strings.HasPrefix(s.Name, ".zdebug_") {
			size += s.Size
		}
	}
	return size
}

// goidFromDWARF reads the offset of field goid of struct runtime.g.
func goidFromDWARF(f *elf.File) (uint32, error) {
	if debugSize(f) > maxDebug {
		return 0, errors.New("reading debug information: too large")
	}
	data, err := f.DWARF()
	if err != nil {
		return 0, fmt.Errorf("reading debug information: %w", err)
	}
	r := data.Reader()
	for {
		e, err := r.Next()
		if err != nil {
			return 0, fmt.Errorf("reading debug information: %w", err)
		}
		if e == nil {
			return 0, errors.New("reading debug information: no struct runtime.g")
		}
		switch name, _ := e.Val(dwarf.AttrName).(string); {
		case e.Tag == dwarf.TagCompileUnit && name != "runtime":
			r.SkipChildren()
		case e.Tag == dwarf.TagStructType && name == "runtime.g":
			return goidOfStruct(r)
		case e.Tag != dwarf.TagCompileUnit:
			r.SkipChildren()
		}
	}
}

// goidOfStruct reads the fields that follow.
func goidOfStruct(r *dwarf.Reader) (uint32, error) {
	for {
		e, err := r.Next()
		if err != nil {
			return 0, fmt.Errorf("reading struct runtime.g: %w", err)
		}
		if e == nil || e.Tag == 0 {
			return 0, errors.New("reading struct runtime.g: no field goid")
		}
		if name, _ := e.Val(dwarf.AttrName).(string); name != "goid" {
			continue
		}
		offset, ok := e.Val(dwarf.AttrDataMemberLoc).(int64)
		if !ok || offset < 0 || offset > 4096 {
			return 0, errors.New("reading struct runtime.g: no offset of goid")
		}
		return uint32(offset), nil
	}
}
