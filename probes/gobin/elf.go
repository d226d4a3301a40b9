package gobin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// Caps on the tables of an ELF file. The largest Go executables have 50 sections
// and 15 segments.
const (
	maxSections = 1024
	maxSegments = 32
	maxNames    = 64 << 10 // of sections, in bytes

	headerSize  = 64 // of the file
	sectionSize = 64 // of a section header
	segmentSize = 56 // of a program header
)

// An image is an ELF file: the headers in memory, the rest behind the reader.
//
// It is read here, not by debug/elf, which "is not designed to be hardened
// against adversarial inputs".
type image struct {
	r        io.ReaderAt
	size     int64
	kind     elf.Type
	machine  elf.Machine
	sections []section
	segments []segment
}

type section struct {
	name         string
	kind         elf.SectionType
	flags        elf.SectionFlag
	addr         uint64
	offset, size uint64 // inside the file, but for SHT_NOBITS
	link         uint32
}

type segment struct {
	kind          elf.ProgType
	flags         elf.ProgFlag
	offset, vaddr uint64
	filesz, memsz uint64 // filesz bytes at offset are inside the file
}

func readImage(r io.ReaderAt, size int64) (*image, error) {
	im := &image{r: r, size: size}
	var head [headerSize]byte
	if size < headerSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrNotGo, size)
	}
	if err := im.read(head[:], 0); err != nil {
		return nil, err
	}
	if string(head[:4]) != elf.ELFMAG || elf.Class(head[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(head[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("%w: no 64-bit little-endian ELF file", ErrNotGo)
	}
	le := binary.LittleEndian
	im.kind = elf.Type(le.Uint16(head[16:]))
	im.machine = elf.Machine(le.Uint16(head[18:]))
	if im.kind != elf.ET_EXEC && im.kind != elf.ET_DYN {
		return nil, fmt.Errorf("%w: %v is not an executable", ErrNotGo, im.kind)
	}
	if machineName(im.machine) == "" {
		return nil, fmt.Errorf("%w: machine %v", ErrNotGo, im.machine)
	}
	if err := im.readSegments(le.Uint64(head[32:]), le.Uint16(head[54:]), le.Uint16(head[56:])); err != nil {
		return nil, err
	}
	return im, im.readSections(le.Uint64(head[40:]), le.Uint16(head[58:]), le.Uint16(head[60:]), le.Uint16(head[62:]))
}

// read fills b from a place in the file.
func (im *image) read(b []byte, offset uint64) error {
	if !im.holds(offset, uint64(len(b))) {
		return fmt.Errorf("%w: %d bytes at %#x are not in the file", ErrDamaged, len(b), offset)
	}
	if n, err := im.r.ReadAt(b, int64(offset)); n < len(b) {
		return fmt.Errorf("reading %d bytes at %#x: %w", len(b), offset, err)
	}
	return nil
}

// holds tells whether a range of bytes is inside the file.
func (im *image) holds(offset, size uint64) bool {
	return offset <= uint64(im.size) && size <= uint64(im.size)-offset
}

func (im *image) readSegments(offset uint64, each, count uint16) error {
	if each != segmentSize || count == 0 || count > maxSegments {
		return fmt.Errorf("%w: %d program headers of %d bytes", ErrDamaged, count, each)
	}
	b := make([]byte, segmentSize*int(count))
	if err := im.read(b, offset); err != nil {
		return err
	}
	le := binary.LittleEndian
	for ; len(b) > 0; b = b[segmentSize:] {
		s := segment{
			kind: elf.ProgType(le.Uint32(b)), flags: elf.ProgFlag(le.Uint32(b[4:])),
			offset: le.Uint64(b[8:]), vaddr: le.Uint64(b[16:]), filesz: le.Uint64(b[32:]), memsz: le.Uint64(b[40:]),
		}
		if s.kind == elf.PT_LOAD && (!im.holds(s.offset, s.filesz) || s.vaddr+s.filesz < s.vaddr) {
			return fmt.Errorf("%w: a segment of %d bytes at %#x is not in the file", ErrDamaged, s.filesz, s.offset)
		}
		im.segments = append(im.segments, s)
	}
	return nil
}

// readSections reads the section headers. A file without any is well: it was
// stripped of them.
func (im *image) readSections(offset uint64, each, count, names uint16) error {
	if count == 0 {
		return nil
	}
	if each != sectionSize || count > maxSections || names >= count {
		return fmt.Errorf("%w: %d section headers of %d bytes", ErrDamaged, count, each)
	}
	b := make([]byte, sectionSize*int(count))
	if err := im.read(b, offset); err != nil {
		return err
	}
	le := binary.LittleEndian
	table := b[sectionSize*int(names):]
	size := le.Uint64(table[32:])
	if size > maxNames {
		return fmt.Errorf("%w: section names of %d bytes", ErrDamaged, size)
	}
	text := make([]byte, size)
	if err := im.read(text, le.Uint64(table[24:])); err != nil {
		return err
	}
	for ; len(b) > 0; b = b[sectionSize:] {
		s := section{
			kind: elf.SectionType(le.Uint32(b[4:])), flags: elf.SectionFlag(le.Uint64(b[8:])), addr: le.Uint64(b[16:]),
			offset: le.Uint64(b[24:]), size: le.Uint64(b[32:]), link: le.Uint32(b[40:]),
		}
		if at := le.Uint32(b); uint64(at) < size {
			name, _, _ := bytes.Cut(text[at:], []byte{0})
			s.name = string(name)
		}
		im.sections = append(im.sections, s)
	}
	return nil
}

// section returns the first section of a name with bytes in the file.
func (im *image) section(names ...string) (section, bool) {
	for _, s := range im.sections {
		for _, name := range names {
			if s.name == name && s.kind != elf.SHT_NOBITS && im.holds(s.offset, s.size) {
				return s, true
			}
		}
	}
	return section{}, false
}

// offsetOf returns where in the file the bytes of an address are. The size bytes
// must be in one segment with all the wanted flags.
func (im *image) offsetOf(addr, size uint64, flags elf.ProgFlag) (uint64, bool) {
	for _, s := range im.segments {
		if s.kind == elf.PT_LOAD && s.flags&flags == flags && addr >= s.vaddr && addr-s.vaddr <= s.filesz && size <= s.filesz-(addr-s.vaddr) {
			return s.offset + (addr - s.vaddr), true
		}
	}
	return 0, false
}

// readAddr fills b from an address, as the file has it, before relocation.
func (im *image) readAddr(b []byte, addr uint64) error {
	offset, ok := im.offsetOf(addr, uint64(len(b)), 0)
	if !ok {
		return fmt.Errorf("%w: address %#x is in no segment", ErrDamaged, addr)
	}
	return im.read(b, offset)
}
