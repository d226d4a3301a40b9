package golang

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"iter"
)

// maxText bounds the machine code that is searched, in bytes.
const maxText = 64 << 20

// tlsOffset returns where the pointer to g is, relative to the thread pointer.
//
// The Go linker's own executables have one thread-local word, which on amd64
// (variant II of the ELF TLS ABI) ends at the thread pointer: -8. A C linker
// (cgo) puts other variables beside it; then the symbol runtime.tlsg tells, less
// the aligned size of the segment, and in a stripped file the code itself does.
// See computeTLSOffset in src/cmd/link/internal/ld/sym.go.
func tlsOffset(f *elf.File) (int32, error) {
	switch {
	case f.Class != elf.ELFCLASS64:
		return 0, fmt.Errorf("%w: %v is not a 64-bit file", ErrUnknown, f.Class)
	case f.Machine == elf.EM_AARCH64:
		return 0, nil
	case f.Machine != elf.EM_X86_64:
		return 0, fmt.Errorf("%w: machine %v", ErrUnknown, f.Machine)
	}
	segment, ok := tlsSegment(f)
	if !ok || segment.Memsz == 8 {
		return -8, nil
	}
	if offset, ok := offsetFromSymbol(f, segment); ok {
		return offset, nil
	}
	if offset, ok := offsetFromCode(f, segment); ok {
		return offset, nil
	}
	return 0, fmt.Errorf("%w: the thread-local word of g is not at a fixed place", ErrUnknown)
}

func tlsSegment(f *elf.File) (elf.ProgHeader, bool) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_TLS {
			return p.ProgHeader, true
		}
	}
	return elf.ProgHeader{}, false
}

// alignedSize is how far below the thread pointer the executable's segment
// begins.
func alignedSize(p elf.ProgHeader) uint64 {
	align := max(p.Align, 1)
	return (p.Memsz + align - 1) / align * align
}

// plausible says whether a word at offset lies inside the segment.
func plausible(offset int64, segment elf.ProgHeader) bool {
	return offset <= -8 && offset%8 == 0 && alignedSize(segment) < 1<<20 && -offset <= int64(alignedSize(segment))
}

func offsetFromSymbol(f *elf.File, segment elf.ProgHeader) (int32, bool) {
	symbols, err := f.Symbols()
	if err != nil {
		return 0, false // stripped
	}
	for _, s := range symbols {
		if s.Name != "runtime.tlsg" || elf.ST_TYPE(s.Info) != elf.STT_TLS {
			continue
		}
		offset := int64(s.Value) - int64(alignedSize(segment))
		return int32(offset), plausible(offset, segment)
	}
	return 0, false
}

// The two forms in which assembly that enters Go code loads g into r14, up to the
// displacement or just behind it: "mov %fs:disp32,%r14", and in a
// position-independent file "mov $disp32,%r14; mov %fs:(%r14),%r14". C code hardly
// ever puts a thread-local word there. See getgFromTLS in
// src/cmd/compile/internal/amd64/ssa.go.
var (
	loadDirect   = []byte{0x64, 0x4c, 0x8b, 0x34, 0x25}
	moveConstant = []byte{0x49, 0xc7, 0xc6}
	loadIndirect = []byte{0x64, 0x4d, 0x8b, 0x36}
)

// offsetFromCode takes the displacement that most loads of g agree on.
func offsetFromCode(f *elf.File, segment elf.ProgHeader) (int32, bool) {
	text := f.Section(".text")
	if text == nil || text.Type == elf.SHT_NOBITS || text.Size > maxText {
		return 0, false
	}
	code, err := text.Data()
	if err != nil {
		return 0, false
	}
	votes, total := map[int32]int{}, 0
	for displacement := range loadsOfG(code) {
		if plausible(int64(displacement), segment) {
			votes[displacement]++
			total++
		}
	}
	best := int32(0)
	for offset, n := range votes {
		if n > votes[best] {
			best = offset
		}
	}
	return best, best != 0 && votes[best]*10 >= total*9
}

// loadsOfG yields the displacement of each load of g.
func loadsOfG(code []byte) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for at := 0; ; {
			i := bytes.Index(code[at:], loadDirect)
			if at += i + len(loadDirect); i < 0 || at+4 > len(code) {
				break
			}
			if !yield(int32(binary.LittleEndian.Uint32(code[at:]))) {
				return
			}
		}
		for at := 0; ; {
			i := bytes.Index(code[at:], loadIndirect)
			if i < 0 {
				return
			}
			start := at + i - 4 - len(moveConstant)
			at += i + len(loadIndirect)
			if start < 0 || !bytes.HasPrefix(code[start:], moveConstant) {
				continue
			}
			if !yield(int32(binary.LittleEndian.Uint32(code[start+len(moveConstant):]))) {
				return
			}
		}
	}
}
