package gobin

import (
	"bytes"
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"math"
)

// A Field names a field of a struct type by the type's full name, such as
// "net/http.Request", escaped as SymbolName does it, and its own, such as "Method". An
// embedded field has the name of its type; the offset of a promoted field is a sum.
type Field struct{ Type, Name string }

// typesUnit is the name of the compile unit to which the linker moves all types:
// see movetomodule in src/cmd/link/internal/ld/dwarf.go. Each assembly file of the
// package has a unit of that name too, without types.
const typesUnit = "runtime"

// FieldOffsets returns the offsets in bytes, at most 1 MiB, of the fields that the debug
// information knows: a type that is not used is not in the file. The information
// is read once, up to the last field wanted: ask for all fields at once. The error
// is ErrNoDWARF if there is none.
func (f *File) FieldOffsets(fields []Field) (map[Field]uint64, error) {
	s, err := f.image.types(fields)
	if err != nil {
		return nil, fmt.Errorf("reading debug information of %s: %w", f.name, err)
	}
	return s.found, nil
}

// A fieldSearch is what is wanted and what was found.
type fieldSearch struct {
	types   map[string]map[string]Field // by type and field name; a type leaves when it was read
	found   map[Field]uint64
	structs int // that were seen
}

func (im *image) types(fields []Field) (*fieldSearch, error) {
	s := &fieldSearch{types: map[string]map[string]Field{}, found: map[Field]uint64{}}
	for _, f := range fields {
		if s.types[f.Type] == nil {
			s.types[f.Type] = map[string]Field{}
		}
		s.types[f.Type][f.Name] = f
	}
	abbrevs, err := im.debugBytes("abbrev")
	if err != nil {
		return nil, err
	}
	info, err := im.debugStream("info")
	if err != nil {
		return nil, err
	}
	defer info.close()
	shapes := &shapes{tables: abbrevs}
	for range maxUnits {
		u, more, err := readUnit(info, shapes)
		if err != nil || !more {
			return s, err
		}
		if u.name == typesUnit {
			if err := s.read(u, info); err != nil || s.structs > 0 {
				return s, err
			}
		}
		if err := info.skipTo(u.end); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: more than %d compile units", ErrDamaged, maxUnits)
}

// A unit is a compile unit, whose own entry was read.
type unit struct {
	name    string
	end     uint64 // offset behind it
	format  dieFormat
	entries abbrevs
}

// readUnit reads the beginning of the next unit. Those with contents that are not
// Go's have no name.
func readUnit(info *stream, shapes *shapes) (unit, bool, error) {
	b, err := info.peek(4)
	if err != nil || len(b) == 0 {
		return unit{}, false, err
	}
	if b, err = info.peek(64); err != nil {
		return unit{}, false, err
	}
	c := cursor{b: b}
	u := unit{format: dieFormat{offset: 4, addr: 8}}
	length := uint64(c.u32())
	if length == 0xffffffff {
		length, u.format.offset = c.u64(), 8
	}
	begin := uint64(c.at)
	u.format.version = c.u16()
	var table uint64
	switch v := u.format.version; {
	case v >= 2 && v <= 4:
		table = c.word(u.format.offset)
		u.format.addr = int(c.u8())
	case v == 5:
		kind := c.u8()
		u.format.addr = int(c.u8())
		table = c.word(u.format.offset)
		if kind != unitCompile {
			table = math.MaxUint64 // of another compiler
		}
	default:
		table = math.MaxUint64
	}
	if c.short || length > maxDebug || begin+length < uint64(c.at) {
		return unit{}, false, fmt.Errorf("%w: a compile unit of %d bytes", ErrDamaged, length)
	}
	u.end = info.at() + begin + length
	if err := info.skip(c.at); err != nil {
		return unit{}, false, err
	}
	if u.entries, err = shapes.at(table); err != nil || u.entries == nil {
		return u, err == nil, err
	}
	if b, err = info.peek(maxEntry); err != nil {
		return unit{}, false, err
	}
	c = cursor{b: b}
	var e entry
	if !u.entries.read(&c, u.format, &e) {
		return unit{}, false, fmt.Errorf("%w: a compile unit without an entry", ErrDamaged)
	}
	if e.tag == dwarf.TagCompileUnit && e.children {
		u.name = string(e.name)
	}
	return u, true, info.skip(c.at)
}

const (
	maxUnits    = 1 << 15 // each is a package, or a file in assembly or C
	unitCompile = 1       // DW_UT_compile
	maxOffset   = 1 << 20 // of a field, in bytes
)

// read goes through the entries of the unit with the types.
func (s *fieldSearch) read(u unit, info *stream) error {
	depth := 1 // below the unit's own entry
	var fields map[string]Field
	var typeName string
	for len(s.types) > 0 && depth > 0 && info.at() < u.end {
		b, err := info.peek(maxEntry)
		if err != nil {
			return err
		}
		c := cursor{b: b}
		// As many entries as are sure to be in memory.
		for len(b)-c.at >= maxEntry/2 || uint64(len(b)) >= u.end-info.at() {
			if len(s.types) == 0 || depth == 0 || c.at >= len(b) || info.at()+uint64(c.at) >= u.end {
				break
			}
			var e entry
			if !u.entries.read(&c, u.format, &e) {
				return fmt.Errorf("%w: an entry at %#x", ErrDamaged, info.at()+uint64(c.at))
			}
			switch {
			case e.null:
				if depth--; depth == 1 && fields != nil {
					delete(s.types, typeName)
					fields = nil
				}
			case depth == 1 && e.tag == dwarf.TagStructType && e.children:
				s.structs++
				if fields = s.types[string(e.name)]; fields != nil {
					typeName = string(e.name)
				}
			case depth == 2 && fields != nil && e.tag == dwarf.TagMember && e.located && e.location <= maxOffset:
				if f, ok := fields[string(e.name)]; ok {
					s.found[f] = e.location
				}
			}
			if e.children {
				depth++
			}
		}
		if c.at == 0 {
			return fmt.Errorf("%w: truncated debug information", ErrDamaged)
		}
		if err := info.skip(c.at); err != nil {
			return err
		}
	}
	return nil
}

// A cursor reads from bytes and notes when they end.
type cursor struct {
	b     []byte
	at    int
	short bool
}

func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.b)-c.at) {
		c.short, c.at = true, len(c.b)
		return nil
	}
	b := c.b[c.at:][:n]
	c.at += int(n)
	return b
}

func (c *cursor) word(n int) uint64 {
	b := c.take(uint64(n))
	if b == nil {
		return 0
	}
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	c.short = true
	return 0
}

func (c *cursor) u8() uint8   { return uint8(c.word(1)) }
func (c *cursor) u16() uint16 { return uint16(c.word(2)) }
func (c *cursor) u32() uint32 { return uint32(c.word(4)) }
func (c *cursor) u64() uint64 { return c.word(8) }

// uleb reads an unsigned or, as far as its length goes, a signed number.
func (c *cursor) uleb() uint64 {
	var v uint64
	for shift := uint(0); c.at < len(c.b); shift += 7 {
		b := c.b[c.at]
		c.at++
		if shift < 64 {
			v |= uint64(b&0x7f) << shift
		}
		if b < 0x80 {
			return v
		}
	}
	c.short = true
	return 0
}

func (c *cursor) cstring() []byte {
	i := bytes.IndexByte(c.b[c.at:], 0)
	if i < 0 {
		c.short, c.at = true, len(c.b)
		return nil
	}
	s := c.b[c.at:][:i]
	c.at += i + 1
	return s
}
