package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// cpio writes an archive of the "newc" form, from which the kernel fills its
// initial file system (Documentation/driver-api/early-userspace/buffer-format.rst).
type cpio struct {
	w    io.Writer
	err  error
	n    uint32
	made map[string]bool
}

func newCpio(w io.Writer) *cpio { return &cpio{w: w, made: map[string]bool{}} }

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

func (c *cpio) entry(name string, mode uint32, data []byte) {
	c.n++
	c.printf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.printf("%s\x00", name)
	c.pad(110 + len(name) + 1)
	if c.err == nil {
		_, c.err = c.w.Write(data)
	}
	c.pad(len(data))
}

func (c *cpio) printf(format string, args ...any) {
	if c.err == nil {
		_, c.err = fmt.Fprintf(c.w, format, args...)
	}
}

func (c *cpio) pad(n int) { c.printf("%s", "\x00\x00\x00"[:(4-n%4)%4]) }

// dir adds a directory and those above it, once.
func (c *cpio) dir(name string) {
	if name == "/" || name == "." || c.made[name] {
		return
	}
	c.dir(path.Dir(name))
	c.made[name] = true
	c.entry(name[1:], modeDir|0o755, nil)
}

func (c *cpio) file(name string, perm fs.FileMode, data []byte) {
	c.dir(path.Dir(name))
	c.entry(name[1:], modeFile|uint32(perm.Perm()), data)
}

// copy adds a file, or a directory with all in it, under the directory to.
func (c *cpio) copy(to, from string) error {
	from = filepath.Clean(from)
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(filepath.Dir(from), p)
		if err != nil {
			return err
		}
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		if info.IsDir() {
			c.dir(path.Join(to, below))
			return nil
		}
		data, err := os.ReadFile(p)
		if err == nil {
			c.file(path.Join(to, below), info.Mode(), data)
		}
		return err
	})
}

func (c *cpio) close() error {
	c.entry("TRAILER!!!", 0, nil)
	return c.err
}
