package gobin

import (
	"debug/elf"
	"encoding/binary"
)

// maxSymbols bounds the symbol table, in entries: 192 MiB.
const (
	maxSymbols = 8 << 20
	symbolSize = 24
)

// A symbol is an entry of the symbol table.
type symbol struct {
	kind       elf.SymType
	addr, size uint64
}

// symbolTable returns the symbol table, which strip takes away.
func (im *image) symbolTable() (section, bool) {
	for _, s := range im.sections {
		if s.kind == elf.SHT_SYMTAB && im.holds(s.offset, s.size) && s.link < uint32(len(im.sections)) {
			strings := im.sections[s.link]
			return s, strings.kind == elf.SHT_STRTAB && im.holds(strings.offset, strings.size)
		}
	}
	return section{}, false
}

// symbols calls each with the symbols of the names, in the order of the table:
// a name may come more than once, or not at all. The tables are read in one pass
// each, and not kept.
func (im *image) symbols(names []string, each func(name string, s symbol)) error {
	table, ok := im.symbolTable()
	if !ok {
		return nil
	}
	strings := im.sections[table.link]
	found, err := newNameSet(names).find(im.window(strings.offset, strings.size))
	if err != nil || len(found) == 0 {
		return err
	}
	w := im.window(table.offset, table.size)
	const batch = 4096 * symbolSize
	size := min(table.size/symbolSize, maxSymbols) * symbolSize
	for at := uint64(0); at < size; at += batch {
		b, err := w.at(at, int(min(batch, size-at)))
		if err != nil {
			return err
		}
		for ; len(b) > 0; b = b[symbolSize:] {
			i, ok := found[binary.LittleEndian.Uint32(b)]
			if !ok || binary.LittleEndian.Uint16(b[6:]) == uint16(elf.SHN_UNDEF) {
				continue
			}
			each(names[i], symbol{
				kind: elf.ST_TYPE(b[4]), addr: binary.LittleEndian.Uint64(b[8:]), size: binary.LittleEndian.Uint64(b[16:]),
			})
		}
	}
	return nil
}
