package gobin

import (
	"debug/dwarf"
	"fmt"
)

// A dieFormat is what sizes depend on in a compile unit.
type dieFormat struct {
	version      uint16
	offset, addr int // bytes
}

// An entry is what is read of a debug information entry.
type entry struct {
	tag      dwarf.Tag
	null     bool // ends the children of another
	children bool
	name     []byte // valid as long as what it was read from
	location uint64 // of a member in its struct
	located  bool
}

// abbrevs is a table of the shapes of entries: shape i has code i+1, as the Go
// linker numbers them.
type abbrevs []abbrev

type abbrev struct {
	tag      dwarf.Tag
	children bool
	fields   []attribute
}

type attribute struct {
	name dwarf.Attr
	form uint64
}

// shapes are all tables. The units that the Go linker makes share one.
type shapes struct {
	tables []byte
	offset uint64 // of the last one that was read
	last   abbrevs
}

// at returns the table at an offset, nil if there is none.
func (s *shapes) at(offset uint64) (abbrevs, error) {
	if offset >= uint64(len(s.tables)) {
		return nil, nil
	}
	if s.last == nil || offset != s.offset {
		var err error
		if s.last, err = parseAbbrevs(s.tables[offset:]); err != nil {
			return nil, err
		}
		s.offset = offset
	}
	return s.last, nil
}

// Caps on a table. The Go linker has 50 shapes of at most 10 attributes.
const (
	maxAbbrevs    = 512
	maxAttributes = 64
)

// parseAbbrevs reads a table. One that is not numbered from 1 on, or that
// exceeds a cap, is another compiler's and comes back empty.
func parseAbbrevs(b []byte) (abbrevs, error) {
	c := cursor{b: b}
	var all abbrevs
	for {
		code := c.uleb()
		if code == 0 && !c.short {
			return all, nil
		}
		if code != uint64(len(all)+1) || len(all) == maxAbbrevs {
			return nil, nil
		}
		a := abbrev{tag: dwarf.Tag(c.uleb())}
		a.children = c.u8() != 0
		for {
			name, form := c.uleb(), c.uleb()
			if form == formImplicitConst {
				c.uleb()
			}
			if name == 0 && form == 0 {
				break
			}
			if c.short || len(a.fields) == maxAttributes {
				return nil, fmt.Errorf("%w: table of abbreviations", ErrDamaged)
			}
			a.fields = append(a.fields, attribute{dwarf.Attr(name), form})
		}
		if c.short {
			return nil, fmt.Errorf("%w: table of abbreviations", ErrDamaged)
		}
		all = append(all, a)
	}
}

// read reads an entry; it returns false if there is no whole one.
func (all abbrevs) read(c *cursor, format dieFormat, e *entry) bool {
	code := c.uleb()
	if c.short || code > uint64(len(all)) {
		return false
	}
	*e = entry{null: code == 0}
	if e.null {
		return true
	}
	a := &all[code-1]
	e.tag, e.children = a.tag, a.children
	for _, f := range a.fields {
		switch f.name {
		case dwarf.AttrName:
			if f.form == formString {
				e.name = c.cstring()
				continue
			}
		case dwarf.AttrDataMemberLoc:
			if size, ok := constantSize(f.form); ok {
				e.location, e.located = c.word(size), true
				continue
			}
			if f.form == formUdata {
				e.location, e.located = c.uleb(), true
				continue
			}
		}
		if !c.pass(f.form, format) {
			return false
		}
	}
	return !c.short
}

// Forms of attributes: section 7.5.6 of the DWARF 5 standard.
const (
	formAddr          = 0x01
	formBlock2        = 0x03
	formBlock4        = 0x04
	formData2         = 0x05
	formData4         = 0x06
	formData8         = 0x07
	formString        = 0x08
	formBlock         = 0x09
	formBlock1        = 0x0a
	formData1         = 0x0b
	formFlag          = 0x0c
	formSdata         = 0x0d
	formStrp          = 0x0e
	formUdata         = 0x0f
	formRefAddr       = 0x10
	formRef1          = 0x11
	formRef2          = 0x12
	formRef4          = 0x13
	formRef8          = 0x14
	formRefUdata      = 0x15
	formSecOffset     = 0x17
	formExprloc       = 0x18
	formFlagPresent   = 0x19
	formStrx          = 0x1a
	formAddrx         = 0x1b
	formData16        = 0x1e
	formLineStrp      = 0x1f
	formRefSig8       = 0x20
	formImplicitConst = 0x21
	formLoclistx      = 0x22
	formRnglistx      = 0x23
	formStrx1         = 0x25
	formStrx2         = 0x26
	formStrx3         = 0x27
	formStrx4         = 0x28
	formAddrx1        = 0x29
	formAddrx2        = 0x2a
	formAddrx3        = 0x2b
	formAddrx4        = 0x2c
)

func constantSize(form uint64) (int, bool) {
	switch form {
	case formData1:
		return 1, true
	case formData2:
		return 2, true
	case formData4:
		return 4, true
	case formData8:
		return 8, true
	}
	return 0, false
}

// pass goes past a value.
func (c *cursor) pass(form uint64, format dieFormat) bool {
	switch form {
	case formFlagPresent, formImplicitConst:
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		c.take(1)
	case formData2, formRef2, formStrx2, formAddrx2:
		c.take(2)
	case formStrx3, formAddrx3:
		c.take(3)
	case formData4, formRef4, formStrx4, formAddrx4:
		c.take(4)
	case formData8, formRef8, formRefSig8:
		c.take(8)
	case formData16:
		c.take(16)
	case formAddr:
		c.take(uint64(format.addr))
	case formStrp, formLineStrp, formSecOffset:
		c.take(uint64(format.offset))
	case formRefAddr:
		if format.version < 3 {
			c.take(uint64(format.addr))
		} else {
			c.take(uint64(format.offset))
		}
	case formSdata, formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx:
		c.uleb()
	case formString:
		c.cstring()
	case formBlock1:
		c.take(c.word(1))
	case formBlock2:
		c.take(c.word(2))
	case formBlock4:
		c.take(c.word(4))
	case formBlock, formExprloc:
		c.take(c.uleb())
	default:
		return false
	}
	return !c.short
}
