package gobin

import (
	"debug/elf"
	"encoding/binary"
)

const (
	maxDynamic = 1024    // entries of the dynamic table
	maxRelocs  = 8 << 20 // entries of the relocation table: 192 MiB
	relocSize  = 24
)

// dynamic returns the first value of a tag in the dynamic table.
func (im *image) dynamic(tag elf.DynTag) (uint64, bool) {
	for _, s := range im.segments {
		if s.kind != elf.PT_DYNAMIC || !im.holds(s.offset, s.filesz) {
			continue
		}
		b := make([]byte, min(s.filesz/16, maxDynamic)*16)
		if im.read(b, s.offset) != nil {
			return 0, false
		}
		for ; len(b) > 0; b = b[16:] {
			switch got := elf.DynTag(binary.LittleEndian.Uint64(b)); got {
			case tag:
				return binary.LittleEndian.Uint64(b[8:]), true
			case elf.DT_NULL:
				return 0, false
			}
		}
	}
	return 0, false
}

// relatives calls each with every relocation that adds the address at which the
// file is loaded: the word at an address becomes value. Position-independent
// files have their pointers only there.
func (im *image) relatives(each func(addr, value uint64)) error {
	table, ok := im.dynamic(elf.DT_RELA)
	if !ok {
		return nil
	}
	size, _ := im.dynamic(elf.DT_RELASZ)
	size = min(size/relocSize, maxRelocs) * relocSize
	offset, ok := im.offsetOf(table, size, 0)
	if !ok {
		return nil
	}
	relative := uint32(elf.R_X86_64_RELATIVE)
	if im.machine == elf.EM_AARCH64 {
		relative = uint32(elf.R_AARCH64_RELATIVE)
	}
	w := im.window(offset, size)
	const batch = 4096 * relocSize
	for at := uint64(0); at < size; at += batch {
		b, err := w.at(at, int(min(batch, size-at)))
		if err != nil {
			return err
		}
		for ; len(b) > 0; b = b[relocSize:] {
			if binary.LittleEndian.Uint32(b[8:]) == relative {
				each(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[16:]))
			}
		}
	}
	return nil
}

// readLoaded is readAddr as after relocation, with the file loaded at 0.
func (im *image) readLoaded(b []byte, addr uint64) error {
	if err := im.readAddr(b, addr); err != nil {
		return err
	}
	if im.kind != elf.ET_DYN {
		return nil
	}
	return im.relatives(func(at, value uint64) {
		if at >= addr && at-addr+8 <= uint64(len(b)) && at-addr < uint64(len(b)) {
			binary.LittleEndian.PutUint64(b[at-addr:], value)
		}
	})
}
