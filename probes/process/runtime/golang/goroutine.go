package golang

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrUnknown says that a file does not tell where its goroutines are: no debug
// information, and a Go version that is not in the table.
var ErrUnknown = errors.New("goroutine offsets are unknown")

// ErrNotGo says that a file is not an executable built by the Go toolchain.
var ErrNotGo = errors.New("not a Go executable")

// GoroutineOffsetsOf is GoroutineOffsets of the file at path.
func GoroutineOffsetsOf(path string) (goidOffset uint32, gTLSOffset int32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("reading goroutine offsets: %w", err)
	}
	defer f.Close()
	return GoroutineOffsets(f)
}

// GoroutineOffsets returns the byte offset of goid in runtime.g, and of the
// pointer to g from the thread pointer (fsbase on amd64). On arm64 g is in
// register x28 and the second is 0. It fails with ErrNotGo or ErrUnknown.
func GoroutineOffsets(r io.ReaderAt) (goidOffset uint32, gTLSOffset int32, err error) {
	defer func() {
		// debug/elf and debug/dwarf are not hardened against hostile files.
		if v := recover(); v != nil {
			goidOffset, gTLSOffset, err = 0, 0, fmt.Errorf("%w: %v", ErrNotGo, v)
		}
	}()
	f, err := elf.NewFile(r)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrNotGo, err)
	}
	if goidOffset, err = goidOffsetOf(f, r); err != nil {
		return 0, 0, err // ErrNotGo of other languages' programs, too
	}
	gTLSOffset, err = tlsOffset(f)
	return goidOffset, gTLSOffset, err
}
