package gobin

import (
	"fmt"
	"io"
)

// windowSize is what a window keeps in memory, in bytes.
const windowSize = 128 << 10

// A window reads a part of a file at places that mostly go forward, without
// having it in memory.
type window struct {
	r            io.ReaderAt
	offset, size uint64 // of the part
	buf          []byte
	start        uint64 // of buf in the part
}

func (im *image) window(offset, size uint64) *window {
	return &window{r: im.r, offset: offset, size: size}
}

// at returns n bytes, at most windowSize, that are valid until the next call.
func (w *window) at(at uint64, n int) ([]byte, error) {
	if at > w.size || uint64(n) > w.size-at || n > windowSize {
		return nil, fmt.Errorf("%w: %d bytes at %#x are not in the table", ErrDamaged, n, at)
	}
	if at < w.start || at-w.start+uint64(n) > uint64(len(w.buf)) {
		if w.buf == nil {
			w.buf = make([]byte, windowSize)
		}
		w.buf = w.buf[:min(uint64(windowSize), w.size-at)]
		w.start = at
		if got, err := w.r.ReadAt(w.buf, int64(w.offset+at)); got < len(w.buf) {
			w.buf = w.buf[:0]
			return nil, fmt.Errorf("reading %d bytes at %#x: %w", n, w.offset+at, err)
		}
	}
	return w.buf[at-w.start:][:n], nil
}
