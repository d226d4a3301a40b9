package gobin

import (
	"debug/elf"
	"fmt"
)

// maxFunction bounds a function, in bytes: what is longer is not one.
const maxFunction = 16 << 20

// A Function is machine code in a file.
type Function struct {
	Name    string
	Address uint64 // virtual, as linked; a PIE is loaded elsewhere
	Offset  uint64 // of the entry in the file, in bytes
	Size    uint64 // in bytes; with the padding behind it if the file is stripped
}

// Functions returns those of the functions that are in the file as code of their
// own: what is missing was not linked in, or was inlined into each of its callers. The names
// are the linker's, see SymbolName. The symbol table is asked, and in a stripped file
// the runtime's own table. Each is read once, and not kept: ask for all names at once.
func (f *File) Functions(names []string) (map[string]Function, error) {
	found := map[string]Function{}
	add := func(name string, addr, size uint64) {
		offset, ok := f.image.offsetOf(addr, size, elf.PF_X)
		// Two of a name are the code and a wrapper that changes the calling
		// convention, which is short.
		if !ok || size == 0 || size > maxFunction || size <= found[name].Size {
			return
		}
		found[name] = Function{Name: name, Address: addr, Offset: offset, Size: size}
	}
	var err error
	if f.Stripped {
		err = f.image.functions(names, add)
	} else {
		err = f.image.symbols(names, func(name string, s symbol) {
			if s.kind == elf.STT_FUNC {
				add(name, s.addr, s.size)
			}
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading symbols of %s: %w", f.name, err)
	}
	return found, nil
}

// code reads a function's machine code.
func (f *File) code(fn Function, limit uint64) ([]byte, error) {
	if fn.Size == 0 || fn.Size > limit {
		return nil, fmt.Errorf("%w: %d bytes of code", ErrNoSite, fn.Size)
	}
	b := make([]byte, fn.Size)
	return b, f.image.read(b, fn.Offset)
}
