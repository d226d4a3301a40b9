// Package rotate writes a file that is put aside when it has grown, and keeps a number of those: path is the newest,
// path.1 the one before it.
package rotate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/throughline/throughline/internal/destination"
)

// Default sizes, where the settings give none.
const (
	defaultBytes = 100 << 20
	defaultFiles = 5
)

// Keys are the settings of a file.
func Keys() []string { return []string{"path", "max_bytes", "max_files"} }

// File is written to by one goroutine.
type File struct {
	path  string
	bytes int64 // at which it is put aside
	files int   // that are kept beside it
	file  *os.File
	size  int64
}

// Open opens the file that the settings name, to write behind what is in it. Only its user can read it: spans say what
// others did.
func Open(s destination.Settings) (*File, error) {
	if s.Path == "" {
		return nil, errors.New("no path is set for the file")
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", s.Path, err)
	}
	f := &File{path: path, bytes: s.MaxBytes, files: s.MaxFiles}
	if f.bytes == 0 {
		f.bytes = defaultBytes
	}
	if f.files == 0 {
		f.files = defaultFiles
	}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err // names the file
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", f.path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Size is how much is in the file, in bytes.
func (f *File) Size() int64 { return f.size }

// Fits tells whether so many bytes more leave the file within its size. An empty one takes anything.
func (f *File) Fits(n int) bool { return f.size == 0 || f.size+int64(n) <= f.bytes }

// Next puts the file aside and begins an empty one. The oldest of those kept goes.
func (f *File) Next() error {
	if err := f.Close(); err != nil {
		return err
	}
	for i := f.files; i >= 1; i-- {
		from := f.path
		if i > 1 {
			from = f.aside(i - 1)
		}
		if err := os.Rename(from, f.aside(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("putting the file aside: %w", err), f.open())
		}
	}
	return f.open()
}

func (f *File) aside(n int) string { return f.path + "." + strconv.Itoa(n) }

// Write writes all of b. A file that could not be opened again is tried anew. What was written of a failed write is taken
// back, so that what comes next is not behind half a line.
func (f *File) Write(b []byte) (int, error) {
	if f.file == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(b)
	if err != nil && n > 0 && f.file.Truncate(f.size) == nil {
		n = 0
	}
	f.size += int64(n)
	return n, err
}

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
