package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, limit int64) *Spool {
	t.Helper()
	s, err := Open(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// batch is the i-th: as many spans as its number says, and some bytes.
func batch(i, size int) ([]byte, int) {
	return append(fmt.Appendf(nil, "%06d", i), bytes.Repeat([]byte{byte(i)}, size)...), i%7 + 1
}

func appendAll(t testing.TB, s *Spool, from, to, size int) {
	t.Helper()
	for i := from; i < to; i++ {
		data, spans := batch(i, size)
		if err := s.Append(data, spans); err != nil {
			t.Fatal(err)
		}
	}
}

// drain delivers everything and returns which batches came.
func drain(t testing.TB, s *Spool, most int) (got []int) {
	t.Helper()
	for len(got) < most {
		b, ok := s.Next()
		if !ok {
			break
		}
		var i int
		if _, err := fmt.Sscanf(string(b.Data[:6]), "%d", &i); err != nil {
			t.Fatal(err)
		}
		if data, spans := batch(i, len(b.Data)-6); !bytes.Equal(data, b.Data) || spans != b.Spans {
			t.Errorf("batch %d came with %d spans, changed: %v", i, b.Spans, !bytes.Equal(data, b.Data))
		}
		if err := s.Done(b); err != nil {
			t.Fatal(err)
		}
		got = append(got, i)
	}
	return got
}

func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func spansOf(from, to int) (n uint64) {
	for i := from; i < to; i++ {
		_, spans := batch(i, 0)
		n += uint64(spans)
	}
	return n
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What is put in comes out in order, once, whoever opens the directory next and whenever.
func TestOrderOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var got []int
	for round := range 5 {
		s := open(t, dir, 8<<20)
		if n, want := s.Stats().Spans, spansOf(len(got), round*100); n != want {
			t.Errorf("%d spans were found, want %d", n, want)
		}
		appendAll(t, s, round*100, round*100+100, 30_000) // over several segments
		got = append(got, drain(t, s, 80)...)
		if round%2 == 0 { // else it just ends
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := open(t, dir, 8<<20)
	got = append(got, drain(t, s, 1000)...)
	if !slices.Equal(got, numbers(0, 500)) {
		t.Errorf("delivered %v", got)
	}
	if stats := s.Stats(); stats.Spans != 0 || stats.Bytes != 0 || stats.Damaged+stats.Full+stats.Corrupt != 0 || len(files(t, dir)) != 0 {
		t.Errorf("left %v, %+v", files(t, dir), stats)
	}
}

func TestPrependAndReturn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, MinBytes)
	appendAll(t, s, 2, 4, 10)
	for i := 1; i >= 0; i-- {
		data, spans := batch(i, 10)
		if err := s.Prepend(data, spans); err != nil {
			t.Fatal(err)
		}
	}
	b, ok := s.Next()
	if !ok || s.Stats().Spans != spansOf(1, 4) {
		t.Errorf("%v, %+v", ok, s.Stats())
	}
	s.Return(b)
	if s.Stats().Spans != spansOf(0, 4) {
		t.Errorf("%+v", s.Stats())
	}
	if got := drain(t, open(t, dir, MinBytes), 10); !slices.Equal(got, numbers(0, 4)) {
		t.Errorf("another process has %v", got)
	}
}

// The oldest go first, and each span that went is counted, also the batch that was on its way.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, MinBytes)
	appendAll(t, s, 0, 10, 10_000)
	first, ok := s.Next()
	if !ok {
		t.Fatal("nothing there")
	}
	appendAll(t, s, 10, 500, 10_000)
	if size := s.Stats().Bytes; size > MinBytes {
		t.Errorf("%d bytes", size)
	}
	s.Return(first) // it was dropped meanwhile
	var onDisk int64
	for _, file := range files(t, dir) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
		if info.Mode() != 0o600 {
			t.Errorf("%s is %v", file, info.Mode())
		}
	}
	if onDisk != s.Stats().Bytes {
		t.Errorf("%d bytes are on the disk, %d are counted", onDisk, s.Stats().Bytes)
	}
	full := s.Stats().Full
	got := drain(t, s, 1000)
	if !slices.Equal(got, numbers(got[0], 500)) || full != spansOf(0, got[0]) || len(got) < 50 {
		t.Errorf("%d spans dropped, delivered %v", full, got)
	}
	if err := s.Append(make([]byte, MinBytes), 1); !errors.Is(err, ErrBatchTooLarge) {
		t.Errorf("a batch that is too large: %v", err)
	}
	appendAll(t, s, 0, 20, 10_000)
	_ = s.Close()
	if s, err := Open(dir, 100); err == nil {
		t.Errorf("%+v", s)
	}
}

func TestTornEnd(t *testing.T) {
	for cut := 1; cut < 140; cut++ {
		dir := t.TempDir()
		s := open(t, dir, MinBytes)
		appendAll(t, s, 0, 3, 100)
		_ = s.Close()
		file := files(t, dir)[0]
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, info.Size()-int64(cut)); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, MinBytes)
		appendAll(t, s, 3, 5, 100)
		stats := s.Stats()
		got := drain(t, s, 10)
		if cut == 134 { // nothing of the third is left
			if !slices.Equal(got, []int{0, 1, 3, 4}) || stats.Damaged != 0 {
				t.Errorf("cut by %d: %v, %+v", cut, got, stats)
			}
			continue
		}
		want, lost := []int{0, 1, 3, 4}, uint64(3)
		if cut > 134 {
			want, lost = []int{0, 3, 4}, 2
		}
		if cut >= 134-headSize+1 && cut < 134 { // of its head, too
			lost = 0
		}
		if !slices.Equal(got, want) || stats.Damaged != 1 || stats.Corrupt != lost {
			t.Errorf("cut by %d: %v, %+v", cut, got, stats)
		}
	}
}

// Each byte of a file is changed in turn: no batch comes that was changed, and the count of those that are missing is right.
func TestEachByteChanged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, MinBytes)
	appendAll(t, s, 0, 4, 20)
	_ = s.Close()
	file := files(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	each := len(whole) / 4
	for at := range whole {
		changed := bytes.Clone(whole)
		changed[at] ^= 0x40
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, MinBytes)
		got := drain(t, s, 10)
		want := slices.Delete(numbers(0, 4), at/each, at/each+1)
		stats := s.Stats()
		_, lost := batch(at/each, 0)
		switch {
		case at%each >= deliveryAt && at%each < headSize: // no value of these is wrong
			want, lost = numbers(0, 4), 0
		case at/each == 3 && at%each < headSize: // nothing behind it tells
			lost = 0
		}
		if !slices.Equal(got, want) || stats.Corrupt != uint64(lost) || stats.Spans != 0 {
			t.Errorf("byte %d: got %v, %+v", at, got, stats)
		}
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	lock, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Hold(dir); err == nil || !strings.Contains(err.Error(), "another agent uses it") {
		t.Errorf("held twice: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = Hold(dir); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, name(1))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, name(2)), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, MinBytes)
	appendAll(t, s, 0, 3, 10)
	if got := drain(t, s, 10); !slices.Equal(got, numbers(0, 3)) {
		t.Errorf("got %v", got)
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

// A file of the directory may hold anything: nothing comes out that is not marked as whole, and everything ends.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	s := open(f, dir, MinBytes)
	appendAll(f, s, 0, 3, 40)
	_ = s.Close()
	whole, err := os.ReadFile(files(f, dir)[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, uint16(0))
	f.Add(whole[:len(whole)-10], uint16(3))
	f.Add(bytes.Repeat([]byte{0x54, 0x53, 0x70, 0x31}, 40_000), uint16(1))
	f.Add([]byte{}, uint16(9))
	f.Fuzz(func(t *testing.T, b []byte, spoil uint16) {
		dir := t.TempDir()
		mixed := append(bytes.Clone(whole), b...)
		mixed[int(spoil)%len(mixed)] ^= byte(spoil >> 8)
		if err := os.WriteFile(filepath.Join(dir, name(7)), mixed, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, MinBytes)
		for range 1 + len(mixed)/headSize {
			b, ok := s.Next()
			if !ok {
				if s.Stats().Spans != 0 {
					t.Errorf("%+v", s.Stats())
				}
				return
			}
			if err := s.Done(b); err != nil {
				t.Fatal(err)
			}
		}
		t.Error("more records than have room")
	})
}
