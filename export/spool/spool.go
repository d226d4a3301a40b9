// Package spool keeps batches of spans on disk until they have been delivered: a queue that survives the process.
//
// A spool is a directory of segments, files of a bounded size that are written at their end and deleted as a whole.
// Segments are delivered in the order of their numbers, and in each the records in the order in which they were written.
// That a record was delivered is one byte in its head, written in place. See record.go for its form.
//
// What was appended survives the end of the process, however it ends. It survives the end of the host once it has been
// synced, which happens when a segment is full and at Close.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The sizes of a spool in bytes.
const (
	// DefaultBytes holds 20 minutes of 2,000 spans a second.
	DefaultBytes = 1 << 30
	// MinBytes is the smallest bound that makes sense.
	MinBytes = 1 << 20
	// A spool has segments of an eighth of its bound, but no larger ones than the other.
	segmentShare    = 8
	maxSegmentBytes = 16 << 20
)

// firstNumber leaves room for segments that are put before the first.
const firstNumber = 1 << 32

// suffix of a segment's name, which is its number in hexadecimal.
const suffix = ".spans"

// ErrClosed is returned for what comes after Close.
var ErrClosed = errors.New("the spool is closed")

// ErrBatchTooLarge is returned for a batch that no segment can hold.
var ErrBatchTooLarge = errors.New("the batch is larger than a segment of the spool")

// Spool is one exporter's. Its methods may be called from any goroutine, Next and Done from one at a time.
type Spool struct {
	dir     string
	limit   int64 // bytes of all segments
	segment int64 // bytes of one

	mu       sync.Mutex
	segments []*segment // by number; the last is written to if it is open
	taken    *segment   // of the record that Next returned last, until Done or Return
	closed   bool
	stats    Stats
}

// Stats are the figures of a spool.
type Stats struct {
	// Spans and Bytes are what is there: spans yet to be delivered, and the size of all files.
	Spans uint64
	Bytes int64
	// Found is how many spans were there when the spool was opened, those included that turned out to be damaged.
	Found uint64
	// Full counts spans that were dropped, oldest first, to make room.
	Full uint64
	// Corrupt counts spans that could not be read back, as far as the rest of their file tells how many they were.
	Corrupt uint64
	// Damaged counts places in files that could not be read, a torn end included.
	Damaged uint64
}

// Batch is a record that is yet to be delivered.
type Batch struct {
	Data  []byte
	Spans int

	in *segment
	at int64
}

// Open reads what is in dir, which is made if it is not there. limit is in bytes.
func Open(dir string, limit int64) (*Spool, error) {
	if limit < MinBytes {
		return nil, fmt.Errorf("opening the spool %s: %d bytes are too few, %d is the least", dir, limit, MinBytes)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	s := &Spool{dir: dir, limit: limit, segment: min(limit/segmentShare, maxSegmentBytes)}
	for _, entry := range entries { // sorted by name, and so by number
		number, ok := parseName(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue // not ours
		}
		found, err := readSegment(filepath.Join(dir, entry.Name()), number, &s.stats)
		if err != nil {
			return nil, fmt.Errorf("opening the spool: %w", err)
		}
		s.stats.Found += found.spans
		s.stats.Spans += found.spans
		s.stats.Bytes += found.size
		s.segments = append(s.segments, found)
	}
	s.stats.Found += s.stats.Corrupt
	s.clean()
	s.makeRoom(0)
	return s, nil
}

func name(number uint64) string { return fmt.Sprintf("%016x%s", number, suffix) }

func parseName(s string) (uint64, bool) {
	digits, ok := strings.CutSuffix(s, suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// Append puts a batch behind all others. Older ones are dropped if it needs their room.
func (s *Spool) Append(data []byte, spans int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(headSize + len(data))
	switch {
	case s.closed:
		return ErrClosed
	case size > s.segment:
		return ErrBatchTooLarge
	}
	s.makeRoom(size)
	to, err := s.last(size)
	if err != nil {
		return fmt.Errorf("spooling: %w", err)
	}
	return s.write(to, data, spans)
}

// last is the segment to append that many bytes to.
func (s *Spool) last(size int64) (*segment, error) {
	number := uint64(firstNumber)
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		if !last.sealed && last.size+size <= s.segment {
			return last, nil
		}
		if err := last.seal(); err != nil {
			return nil, err
		}
		number = last.number + 1
	}
	made, err := create(filepath.Join(s.dir, name(number)), number)
	if err != nil {
		return nil, err
	}
	s.segments = append(s.segments, made)
	return made, nil
}

// Prepend puts a batch before all others: it is older than what is there. If there is no room it is dropped, as the
// oldest.
func (s *Spool) Prepend(data []byte, spans int) error {
	s.mu.Lock()
	empty := len(s.segments) == 0
	s.mu.Unlock()
	if empty {
		return s.Append(data, spans)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(headSize + len(data))
	switch {
	case size > s.segment:
		return ErrBatchTooLarge
	case s.stats.Bytes+size > s.limit:
		s.stats.Full += uint64(spans)
		return nil
	}
	number := s.segments[0].number - 1
	made, err := create(filepath.Join(s.dir, name(number)), number)
	if err != nil {
		return fmt.Errorf("spooling: %w", err)
	}
	s.segments = slices.Insert(s.segments, 0, made)
	if err := s.write(made, data, spans); err != nil {
		return err
	}
	return made.seal()
}

func (s *Spool) write(to *segment, data []byte, spans int) error {
	before := to.size
	err := to.write(data, spans)
	s.stats.Bytes += to.size - before
	if err != nil {
		s.clean()
		return fmt.Errorf("spooling: %w", err)
	}
	s.stats.Spans += uint64(spans)
	return nil
}

// makeRoom deletes the oldest segments until more bytes fit.
func (s *Spool) makeRoom(more int64) {
	for len(s.segments) > 0 && s.stats.Bytes+more > s.limit {
		oldest := s.segments[0]
		s.stats.Full += oldest.spans
		s.stats.Spans -= oldest.spans
		oldest.spans = 0
		s.remove(0)
	}
}

// remove deletes a segment. A file that cannot be deleted is no longer looked at by this process.
func (s *Spool) remove(i int) {
	s.stats.Bytes -= s.segments[i].size
	s.segments[i].remove()
	s.segments = slices.Delete(s.segments, i, i+1)
}

// clean deletes the segments of which nothing is left to deliver.
func (s *Spool) clean() {
	for i := 0; i < len(s.segments); {
		if one := s.segments[i]; one.spans == 0 && one != s.taken {
			s.remove(i)
			continue
		}
		i++
	}
}

// Next returns the oldest batch, which stays until Done. ok is false if there is none. What cannot be read is counted and
// passed over.
func (s *Spool) Next() (b Batch, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = nil
	for len(s.segments) > 0 {
		first := s.segments[0]
		if b, ok = first.next(&s.stats); ok {
			s.taken = first
			// From here on its fate is the caller's.
			first.spans -= uint64(b.Spans)
			s.stats.Spans -= uint64(b.Spans)
			return b, true
		}
		s.stats.Spans -= first.spans // of which the file knows nothing: it was changed by another
		s.stats.Corrupt += first.spans
		first.spans = 0
		s.remove(0)
	}
	return b, false
}

// Done says that the batch's fate is settled: it is not returned again, also not to the next process.
func (s *Spool) Done(b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = nil
	switch {
	case b.in.removed:
		return nil
	case s.closed:
		return ErrClosed
	}
	if b.in.spans > 0 {
		return b.in.done(b.at)
	}
	if i := slices.Index(s.segments, b.in); i >= 0 {
		s.remove(i)
	}
	return nil
}

// Return puts back the batch that Next returned last. If its place was needed meanwhile, it is dropped as the oldest.
func (s *Spool) Return(b Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = nil
	if b.in.removed {
		s.stats.Full += uint64(b.Spans)
		return
	}
	b.in.read = b.at
	b.in.spans += uint64(b.Spans)
	s.stats.Spans += uint64(b.Spans)
}

// Stats are the present figures.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close syncs and closes the files. What is there stays.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, one := range s.segments {
		errs = append(errs, one.close())
	}
	s.segments, s.closed = nil, true
	return errors.Join(errs...)
}
