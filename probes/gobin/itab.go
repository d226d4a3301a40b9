package gobin

import (
	"debug/elf"
	"fmt"
	"strings"
)

// ItabOf returns the virtual address of the table that an interface value points
// to if it holds a concrete type, both by full name: "*net/http.http2responseWriter"
// and "net/http.ResponseWriter". The error is ErrNotFound if the program has no such
// table from its linker, or is stripped: the runtime's tables do not name it.
func (f *File) ItabOf(concrete, iface string) (uint64, error) {
	pair := concrete + "," + iface
	// A colon since Go 1.20: see PCLnTabMagic in src/internal/abi/symtab.go.
	return f.dataSymbol("go:itab."+pair, "go.itab."+pair)
}

// dataSymbol returns the address of the first of the symbols that is there.
func (f *File) dataSymbol(names ...string) (uint64, error) {
	var addr uint64
	err := f.image.symbols(names, func(_ string, s symbol) {
		if s.kind == elf.STT_OBJECT && addr == 0 {
			addr = s.addr
		}
	})
	if err == nil && addr == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("looking for %s in %s: %w", strings.Join(names, " or "), f.name, err)
	}
	return addr, nil
}
