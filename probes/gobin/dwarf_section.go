package gobin

import (
	"bufio"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	maxDebug    = 512 << 20 // bytes of a section that are read, uncompressed
	maxAbbrevTb = 4 << 20   // bytes of the tables of abbreviations
	maxEntry    = 128 << 10 // bytes of a debug information entry
)

// debugReader returns the contents of a section of debug information, which the
// caller closes.
func (im *image) debugReader(name string) (io.ReadCloser, error) {
	if s, ok := im.section(".debug_" + name); ok {
		r := io.NewSectionReader(im.r, int64(s.offset), int64(s.size))
		if s.flags&elf.SHF_COMPRESSED == 0 {
			return io.NopCloser(r), nil
		}
		var head [24]byte // Elf64_Chdr
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, fmt.Errorf("%w: section %s: %w", ErrDamaged, s.name, err)
		}
		if kind := elf.CompressionType(binary.LittleEndian.Uint32(head[:])); kind != elf.COMPRESS_ZLIB {
			return nil, fmt.Errorf("%w: compressed with %v", ErrNoDWARF, kind)
		}
		return inflate(r)
	}
	if s, ok := im.section(".zdebug_" + name); ok && s.size > 12 {
		// "ZLIB" and the size, as GNU tools and older Go linkers had it.
		return inflate(io.NewSectionReader(im.r, int64(s.offset)+12, int64(s.size)-12))
	}
	return nil, ErrNoDWARF
}

func inflate(r io.Reader) (io.ReadCloser, error) {
	z, err := zlib.NewReader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("%w: compressed debug information: %w", ErrDamaged, err)
	}
	return z, nil
}

// debugBytes returns a small section.
func (im *image) debugBytes(name string) ([]byte, error) {
	r, err := im.debugReader(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxAbbrevTb))
	if err != nil {
		return nil, fmt.Errorf("%w: section .debug_%s: %w", ErrDamaged, name, err)
	}
	return b, nil
}

// debugStream returns a large section, to be read forward.
func (im *image) debugStream(name string) (*stream, error) {
	r, err := im.debugReader(name)
	if err != nil {
		return nil, err
	}
	return &stream{r: io.LimitReader(r, maxDebug), closer: r, buf: make([]byte, 4*maxEntry)}, nil
}

// A stream reads forward, with the next bytes in memory.
type stream struct {
	r          io.Reader
	closer     io.Closer
	buf        []byte
	start, end int    // of what is in buf
	passed     uint64 // offset of start in the section
	ended      bool
}

func (s *stream) close() { s.closer.Close() }

// at returns the offset of the next byte.
func (s *stream) at() uint64 { return s.passed }

// peek returns the next bytes: n or more, fewer at the end of the section. They are valid until
// the next call. n is at most maxEntry.
func (s *stream) peek(n int) ([]byte, error) {
	if s.end-s.start < n && !s.ended {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
		read, err := io.ReadFull(s.r, s.buf[s.end:])
		s.end += read
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.ended = true
		case err != nil:
			return nil, fmt.Errorf("%w: debug information: %w", ErrDamaged, err)
		}
	}
	return s.buf[s.start:s.end], nil
}

// skip goes past n bytes of those that peek returned.
func (s *stream) skip(n int) error {
	if n > s.end-s.start {
		return fmt.Errorf("%w: truncated debug information", ErrDamaged)
	}
	s.start += n
	s.passed += uint64(n)
	return nil
}

// skipTo goes to an offset; none is before the next byte.
func (s *stream) skipTo(offset uint64) error {
	for s.passed < offset {
		b, err := s.peek(1)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return fmt.Errorf("%w: truncated debug information", ErrDamaged)
		}
		if err := s.skip(int(min(offset-s.passed, uint64(len(b))))); err != nil {
			return err
		}
	}
	if s.passed > offset {
		return fmt.Errorf("%w: an entry reaches beyond its compile unit", ErrDamaged)
	}
	return nil
}
