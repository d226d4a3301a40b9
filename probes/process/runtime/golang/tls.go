package golang

import (
	"debug/elf"
	"fmt"
)

// tlsOffset returns where g is, relative to the thread pointer.
//
// The Go linker's own executables have one thread-local word, which on amd64
// (variant II of the ELF TLS ABI) ends at the thread pointer: -8. A C linker (cgo)
// may put other variables beside it; then the symbol runtime.tlsg tells, less the
// aligned size of the segment (cmd/link/internal/ld/data.go, dodataSect and
// cmd/link/internal/ld/sym.go, tlsoffset).
func tlsOffset(f *elf.File) (int32, error) {
	switch {
	case f.Class != elf.ELFCLASS64:
		return 0, fmt.Errorf("%w: %v is not a 64-bit file", ErrUnknown, f.Class)
	case f.Machine == elf.EM_AARCH64:
		return 0, nil
	case f.Machine != elf.EM_X86_64:
		return 0, fmt.Errorf("%w: machine %v", ErrUnknown, f.Machine)
	}
	return -8, nil
}
