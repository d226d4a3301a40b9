package gobin

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// The runtime's table of functions: pcHeader, functab and _func in
// src/runtime/symtab.go and src/runtime/runtime2.go, magic numbers in
// src/internal/abi/symtab.go. The format of Go 1.18 and that of 1.20 differ in
// the magic number only, as far as it is read here.
const (
	magic118  = 0xfffffff0
	magic120  = 0xfffffff1
	pcHeader  = 8 + 8*8 // bytes
	funcEntry = 8       // bytes of functab: offset of the code, offset of _func

	nameOff = 4 // of _func: where its name is
	funcLen = 8 // bytes of _func that are read

	maxFunctions = 4 << 20
)

// A pclntab is the header of that table.
type pclntab struct {
	addr         uint64 // of the header
	offset, size uint64 // in the file; size is what may belong to it
	count        uint64 // of functions
	text         uint64 // where the code begins, 0 since Go 1.26
	names        uint64 // offsets from the header
	nameEnd      uint64
	functab      uint64
}

// parsePclntab reads a header from b, of which limit bytes may follow in the file.
func parsePclntab(b []byte, limit uint64) (pclntab, bool) {
	le := binary.LittleEndian
	magic := le.Uint32(b)
	if magic != magic118 && magic != magic120 || b[4] != 0 || b[5] != 0 || b[6] != 1 && b[6] != 4 || b[7] != 8 {
		return pclntab{}, false
	}
	word := func(i int) uint64 { return le.Uint64(b[8+8*i:]) }
	p := pclntab{size: limit, count: word(0), text: word(2), names: word(3), nameEnd: word(4), functab: word(7)}
	ok := p.count > 0 && p.count <= maxFunctions && pcHeader <= p.names && p.names < p.nameEnd && p.nameEnd <= limit &&
		p.functab < limit && p.count*funcEntry+4 <= limit-p.functab
	return p, ok
}

// pclntab finds the table: in a section of its name, or in a segment by its magic
// number, since the section's name is lost with the section headers.
func (im *image) pclntab() (pclntab, error) {
	if s, ok := im.section(".gopclntab", ".data.rel.ro.gopclntab"); ok && s.size >= pcHeader {
		b := make([]byte, pcHeader)
		if err := im.read(b, s.offset); err != nil {
			return pclntab{}, err
		}
		if p, ok := parsePclntab(b, s.size); ok {
			p.addr, p.offset = s.addr, s.offset
			return p, nil
		}
	}
	for _, s := range im.segments {
		if s.kind != elf.PT_LOAD || s.flags&elf.PF_X != 0 {
			continue
		}
		if p, ok, err := im.searchPclntab(s); ok || err != nil {
			return p, err
		}
	}
	return pclntab{}, fmt.Errorf("%w: no table of functions (pclntab)", ErrNotFound)
}

// maxSearch bounds the bytes of a segment that are searched.
const maxSearch = 512 << 20

// searchPclntab looks for a header at each 8th byte, as the linker aligns it at least.
func (im *image) searchPclntab(s segment) (pclntab, bool, error) {
	const align, batch = 8, windowSize / 2
	w := im.window(s.offset, s.filesz)
	size := min(s.filesz, maxSearch)
	for at := uint64(0); at+pcHeader <= size; at += batch {
		b, err := w.at(at, int(min(batch+pcHeader, size-at)))
		if err != nil {
			return pclntab{}, false, err
		}
		for i := 0; i+pcHeader <= len(b) && i < batch; i += align {
			if b[i+3] != 0xff || b[i+2] != 0xff {
				continue
			}
			place := at + uint64(i)
			if p, ok := parsePclntab(b[i:i+pcHeader], s.filesz-place); ok {
				p.addr, p.offset = s.vaddr+place, s.offset+place
				return p, true, nil
			}
		}
	}
	return pclntab{}, false, nil
}

// functions calls each with the functions of the names, by the runtime's table.
func (im *image) functions(names []string, each func(name string, addr, size uint64)) error {
	p, err := im.pclntab()
	if err != nil {
		return err
	}
	found, err := newNameSet(names).find(im.window(p.offset+p.names, p.nameEnd-p.names))
	if err != nil || len(found) == 0 {
		return err
	}
	text, err := im.textStart(p)
	if err != nil {
		return err
	}
	return p.walk(im, func(name uint32, start, end uint64) {
		if i, ok := found[name]; ok {
			each(names[i], text+start, end-start)
		}
	})
}

// walk calls each with every function: where its name is, and its code as offsets
// from the beginning of all code. The table is sorted by these offsets, and so are
// the places that it points to.
func (p pclntab) walk(im *image, each func(name uint32, start, end uint64)) error {
	le := binary.LittleEndian
	table := im.window(p.offset+p.functab, p.size-p.functab)
	funcs := im.window(p.offset+p.functab, p.size-p.functab)
	last := uint32(0)
	for i := range p.count {
		b, err := table.at(i*funcEntry, funcEntry+4)
		if err != nil {
			return err
		}
		start, place, end := le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
		if end < start || place < last { // reading forth and back would take for ever
			return fmt.Errorf("%w: the table of functions is not sorted", ErrDamaged)
		}
		last = place
		f, err := funcs.at(uint64(place), funcLen)
		if err != nil {
			return err
		}
		each(le.Uint32(f[nameOff:]), uint64(start), uint64(end))
	}
	return nil
}
