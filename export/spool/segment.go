package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// segment is one file of a spool. It is open from when it is first needed.
type segment struct {
	path   string
	number uint64
	file   *os.File
	size   int64  // that is ours: what lies behind is torn
	read   int64  // where the next record to deliver may be
	before uint64 // spans in the records before that place
	spans  uint64 // yet to be delivered

	sealed  bool // nothing is written to it any more
	removed bool
	written uint64 // spans in all records
	buffer  []byte // for writing, kept while it is the last one

	window   []byte // of the file, for looking behind damage
	windowAt int64
}

// create makes an empty one for this user alone.
func create(path string, number uint64) (*segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	return &segment{path: path, number: number, file: file}, nil
}

// readSegment finds out what is in a file that an earlier process left. Nothing is ever added to it.
func readSegment(path string, number uint64, stats *Stats) (*segment, error) {
	g := &segment{path: path, number: number, sealed: true}
	if err := g.open(); err != nil {
		return nil, err
	}
	defer g.release()
	info, err := g.file.Stat()
	if err != nil {
		return nil, err
	}
	g.size = info.Size()
	if g.size > maxSegmentBytes { // no agent writes such a file
		g.size = maxSegmentBytes
		stats.Damaged++
	}
	for {
		h, at, found, err := g.find(stats)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if !found {
			break
		}
		if !h.delivered {
			g.spans += uint64(h.spans)
		}
		g.read = at + headSize + int64(h.length)
	}
	g.read, g.before, g.window = 0, 0, nil
	return g, nil
}

func (g *segment) open() error {
	if g.file != nil {
		return nil
	}
	file, err := os.OpenFile(g.path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	g.file = file
	return nil
}

// release closes the file; it is opened again when it is needed.
func (g *segment) release() {
	if g.file != nil {
		_ = g.file.Close() // nothing waits to be written: what was is synced by seal
		g.file = nil
	}
}

// write adds a record.
func (g *segment) write(data []byte, spans int) error {
	h := head{length: uint32(len(data)), spans: uint32(spans), before: uint32(g.written), body: crc32.Checksum(data, castagnoli)}
	g.buffer = append(h.append(g.buffer[:0]), data...)
	if _, err := g.file.WriteAt(g.buffer, g.size); err != nil {
		g.sealed = true // a part may be there: it is found to be torn
		return errors.Join(err, g.file.Truncate(g.size))
	}
	g.size += int64(len(g.buffer))
	g.written += uint64(spans)
	g.spans += uint64(spans)
	return nil
}

// seal ends writing.
func (g *segment) seal() error {
	if g.sealed {
		return nil
	}
	g.sealed, g.buffer = true, nil
	err := g.file.Sync()
	g.release()
	return err
}

// next returns the oldest record that is yet to be delivered. Records that cannot be read are counted, once.
func (g *segment) next(stats *Stats) (b Batch, ok bool) {
	if err := g.open(); err != nil {
		stats.Damaged++
		return b, false
	}
	for {
		var unseen Stats // the heads were counted when the file was opened
		h, at, found, err := g.find(&unseen)
		if err != nil || !found {
			return b, false
		}
		g.read = at + headSize + int64(h.length)
		g.before = uint64(h.before) + uint64(h.spans)
		if h.delivered {
			continue
		}
		data := make([]byte, h.length)
		if _, err := g.file.ReadAt(data, at+headSize); err == nil && crc32.Checksum(data, castagnoli) == h.body {
			return Batch{Data: data, Spans: int(h.spans), in: g, at: at}, true
		}
		lost := min(uint64(h.spans), g.spans)
		g.spans -= lost
		stats.Spans -= lost
		stats.Corrupt += lost
		stats.Damaged++
	}
}

// find returns the next head from g.read on whose body is inside the file. What lies before it is damaged: its spans are
// counted by the head's own count. The end of the file may be torn.
func (g *segment) find(stats *Stats) (h head, at int64, found bool, err error) {
	damaged, cut := false, uint32(0)
	for at = g.read; at < g.size; {
		b, err := g.peek(at, damaged)
		if err != nil {
			return h, at, false, err
		}
		h, ok := parseHead(b)
		if ok && at+headSize+int64(h.length) <= g.size {
			if damaged || uint64(h.before) != g.before {
				stats.Damaged++
				stats.Corrupt += missing(g.before, uint64(h.before))
			}
			g.before = uint64(h.before) + uint64(h.spans)
			return h, at, true, nil
		}
		if ok {
			cut = h.spans
		}
		damaged = true
		if at, err = g.search(at + 1); err != nil {
			return h, at, false, err
		}
	}
	if damaged {
		stats.Damaged++
		stats.Corrupt += missing(0, uint64(cut))
	}
	return h, g.size, false, nil
}

// maxMissing bounds what one head can claim to be missing, spans.
const maxMissing = 1 << 24

func missing(from, to uint64) uint64 {
	if to < from || to-from > maxMissing {
		return 0
	}
	return to - from
}

// windowSize is how much of a file is read at once to look for the next record behind damage, bytes.
const windowSize = 64 << 10

// peek returns the bytes at a place, as many as a head has unless the file ends there.
func (g *segment) peek(at int64, windowed bool) ([]byte, error) {
	if in := at - g.windowAt; in >= 0 && in+headSize <= int64(len(g.window)) {
		return g.window[in : in+headSize], nil
	}
	size := int64(headSize)
	if windowed {
		size = windowSize
	}
	b := make([]byte, min(size, g.size-at))
	n, err := g.file.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if windowed {
		g.window, g.windowAt = b[:n], at
	}
	return b[:min(n, headSize)], nil
}

// search returns where the bytes of magic are next, or the end.
func (g *segment) search(from int64) (int64, error) {
	var want [4]byte
	binary.LittleEndian.PutUint32(want[:], magic)
	for from < g.size {
		if _, err := g.peek(from, true); err != nil {
			return from, err
		}
		in := from - g.windowAt
		if in < 0 || in >= int64(len(g.window)) {
			break // the file is shorter than it was
		}
		if i := bytes.Index(g.window[in:], want[:]); i >= 0 {
			return from + int64(i), nil
		}
		left := int64(len(g.window)) - in
		if left < int64(len(want)) || g.windowAt+int64(len(g.window)) >= g.size {
			break
		}
		from += left - int64(len(want)) + 1
	}
	return g.size, nil
}

// done marks the record at that place as delivered.
func (g *segment) done(at int64) error {
	if err := g.open(); err != nil {
		return fmt.Errorf("marking a batch as delivered: %w", err)
	}
	if _, err := g.file.WriteAt([]byte{delivered}, at+deliveryAt); err != nil {
		return fmt.Errorf("marking a batch as delivered: %w", err)
	}
	return nil
}

func (g *segment) remove() {
	g.removed = true
	g.release()
	_ = os.Remove(g.path) // it may be gone, which is what is wanted
}

// close syncs what was written and what was marked.
func (g *segment) close() error {
	if g.file == nil {
		return nil
	}
	err := g.file.Sync()
	g.release()
	return err
}
