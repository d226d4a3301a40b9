package gobin

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// The runtime's description of the file: moduledata in src/runtime/symtab.go. Its
// beginning is the same from Go 1.18 on. Offsets are in bytes.
const (
	moduleNames = 8            // funcnametab []byte
	moduleMinPC = 8 + 6*24 + 8 // minpc, maxpc, behind six slices and findfunctab
	moduleText  = moduleMinPC + 16
	moduleSize  = moduleText + 16 // that is read: up to etext

	maxModuleSearch = 64 << 20 // bytes of a segment
	maxPlaces       = 8        // that point to the table of functions; one is the moduledata
)

// textStart returns the address that the table of functions counts from: the
// symbol runtime.text. Since Go 1.26 only the moduledata has it, and before that
// the header of a position-independent file may lack it. In files that the Go linker made alone, it is
// where the section .text begins; a C linker puts code of its own in front.
func (im *image) textStart(p pclntab) (uint64, error) {
	if text, ok, err := im.moduleTextStart(p); ok || err != nil {
		return text, err
	}
	candidates := []uint64{p.text}
	if s, ok := im.section(".text"); ok && !im.needsLibraries() {
		candidates = append(candidates, s.addr)
	}
	for _, text := range candidates {
		if _, ok := im.offsetOf(text, 1, elf.PF_X); ok && text != 0 {
			return text, nil
		}
	}
	return 0, fmt.Errorf("%w: the beginning of the code is not known", ErrNotFound)
}

// moduleTextStart finds the moduledata by its first word, which points to the
// table of functions, and checks it against that.
func (im *image) moduleTextStart(p pclntab) (uint64, bool, error) {
	var places []uint64
	if im.kind == elf.ET_DYN {
		err := im.relatives(func(addr, value uint64) {
			if value == p.addr && len(places) < maxPlaces {
				places = append(places, addr)
			}
		})
		if err != nil {
			return 0, false, err
		}
	}
	if len(places) == 0 {
		var err error
		if places, err = im.pointersTo(p.addr); err != nil {
			return 0, false, err
		}
	}
	for _, place := range places {
		if text, ok, err := im.checkModule(p, place); ok || err != nil {
			return text, ok, err
		}
	}
	return 0, false, nil
}

// pointersTo returns the places in writable data that hold an address.
func (im *image) pointersTo(addr uint64) ([]uint64, error) {
	var places []uint64
	for _, s := range im.segments {
		if s.kind != elf.PT_LOAD || s.flags&elf.PF_W == 0 {
			continue
		}
		w := im.window(s.offset, s.filesz)
		size := min(s.filesz, maxModuleSearch) / 8 * 8
		for at := uint64(0); at < size; at += windowSize {
			b, err := w.at(at, int(min(windowSize, size-at)))
			if err != nil {
				return nil, err
			}
			for i := 0; i < len(b); i += 8 {
				if binary.LittleEndian.Uint64(b[i:]) == addr && len(places) < maxPlaces {
					places = append(places, s.vaddr+at+uint64(i))
				}
			}
		}
	}
	return places, nil
}

// checkModule returns the beginning of the code if there is a moduledata of the
// table at an address.
func (im *image) checkModule(p pclntab, addr uint64) (text uint64, ok bool, err error) {
	if _, ok := im.offsetOf(addr, moduleSize, 0); !ok {
		return 0, false, nil
	}
	b := make([]byte, moduleSize)
	if err := im.readLoaded(b, addr); err != nil {
		return 0, false, err
	}
	var ends [2][4]byte // offsets of the first function, and of the end of the last
	if err := im.read(ends[0][:], p.offset+p.functab); err != nil {
		return 0, false, err
	}
	if err := im.read(ends[1][:], p.offset+p.functab+p.count*funcEntry); err != nil {
		return 0, false, err
	}
	le := binary.LittleEndian
	text = le.Uint64(b[moduleText:])
	ok = le.Uint64(b[moduleNames:]) == p.addr+p.names &&
		le.Uint64(b[moduleMinPC:]) == text+uint64(le.Uint32(ends[0][:])) &&
		le.Uint64(b[moduleMinPC+8:]) == text+uint64(le.Uint32(ends[1][:]))
	return text, ok, nil
}
