package gobin

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tiny builds a program without imports: 1 MB, half of that stripped.
func tiny(t testing.TB, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(1) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "program")
	cmd := exec.Command("go", append(append([]string{"build", "-p", "1", "-o", out}, flags...), "main.go")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GO111MODULE=off", "GOFLAGS=", "CGO_ENABLED=0", "GOARCH=amd64")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll asks for everything there is, and returns the last error.
func readAll(b []byte) error {
	f, err := Open("fuzz", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := f.Functions([]string{"main.main", "runtime.newproc1", "runtime.mallocgc"})
	for _, fn := range found {
		if _, siteErr := f.Site(fn); siteErr != nil {
			err = siteErr
		}
	}
	if _, e := f.FieldOffsets([]Field{{"runtime.g", "goid"}, {"runtime.m", "nothing"}}); e != nil && f.DWARF {
		err = e
	}
	if f.image.functions([]string{"main.main"}, func(string, uint64, uint64) {}) != nil && err == nil {
		err = ErrDamaged
	}
	return err
}

func FuzzOpen(f *testing.F) {
	// Small enough for the fuzzer: the beginnings of real files, with their headers,
	// and a word to write somewhere.
	whole, stripped := tiny(f), tiny(f, "-ldflags=-s -w", "-buildmode=pie")
	for _, at := range []uint32{0, 16, 40, 54, 60, 64, 200, 0x1000} {
		f.Add(false, at, uint64(0xffffffffffffffff), uint32(0))
		f.Add(true, at, uint64(1)<<40, at)
	}
	f.Fuzz(func(_ *testing.T, bare bool, at uint32, word uint64, cut uint32) {
		b := bytes.Clone(whole)
		if bare {
			b = bytes.Clone(stripped)
		}
		binary.LittleEndian.PutUint64(b[int(at)%(len(b)-8):], word)
		readAll(b[:len(b)-int(cut)%len(b)])
	})
}

// FuzzImage gives the fuzzer the bytes themselves.
func FuzzImage(f *testing.F) {
	b := tiny(f, "-ldflags=-s -w")
	f.Add(b[:1024])
	f.Fuzz(func(_ *testing.T, b []byte) { readAll(b) })
}

func TestDamaged(t *testing.T) {
	whole := tiny(t)
	if err := readAll(whole); err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	le := binary.LittleEndian
	section := func(b []byte, name string) (header, contents []byte) {
		im, err := readImage(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range im.sections {
			if s.name == name {
				return b[le.Uint64(b[40:])+uint64(i*sectionSize):], b[s.offset:]
			}
		}
		t.Fatalf("no section %s", name)
		return nil, nil
	}
	tests := []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"no magic", func(b []byte) []byte { b[0] = 0; return b }},
		{"32 bits", func(b []byte) []byte { b[4] = 1; return b }},
		{"big-endian", func(b []byte) []byte { b[5] = 2; return b }},
		{"an object file", func(b []byte) []byte { b[16] = 1; return b }},
		{"another machine", func(b []byte) []byte { b[18] = 8; return b }},
		{"no segments", func(b []byte) []byte { le.PutUint16(b[56:], 0); return b }},
		{"many segments", func(b []byte) []byte { le.PutUint16(b[56:], 0xffff); return b }},
		{"segments behind the end", func(b []byte) []byte { le.PutUint64(b[32:], 1<<62); return b }},
		{"sections behind the end", func(b []byte) []byte { le.PutUint64(b[40:], ^uint64(0)-10); return b }},
		{"many sections", func(b []byte) []byte { le.PutUint16(b[60:], 0xffff); return b }},
		{"names of no section", func(b []byte) []byte { le.PutUint16(b[62:], 0xffff); return b }},
		{"truncated", func(b []byte) []byte { return b[:len(b)/2] }},
		{"headers only", func(b []byte) []byte { return b[:4096] }},
		{"build information too long", func(b []byte) []byte {
			_, c := section(b, ".go.buildinfo")
			copy(c[buildInfoHeader:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
			return b
		}},
		{"build information of Go 1.17", func(b []byte) []byte { _, c := section(b, ".go.buildinfo"); c[15] = 0; return b }},
		{"no function table", func(b []byte) []byte { _, c := section(b, ".gopclntab"); clear(c[:8]); return b }},
		{"too many functions", func(b []byte) []byte { _, c := section(b, ".gopclntab"); le.PutUint64(c[8:], 1<<60); return b }},
		{"function table behind the end", func(b []byte) []byte {
			_, c := section(b, ".gopclntab")
			le.PutUint64(c[8+7*8:], ^uint64(0))
			return b
		}},
		{"unsorted functions", func(b []byte) []byte {
			_, c := section(b, ".gopclntab")
			le.PutUint32(c[le.Uint64(c[8+7*8:]):], 0xffffffff)
			return b
		}},
		{"debug information is no zlib", func(b []byte) []byte { _, c := section(b, ".debug_info"); clear(c[24:32]); return b }},
		{"debug information of zstd", func(b []byte) []byte { _, c := section(b, ".debug_info"); c[0] = 2; return b }},
		{"debug information cut", func(b []byte) []byte {
			h, _ := section(b, ".debug_info")
			le.PutUint64(h[32:], 1000)
			return b
		}},
		{"no abbreviations", func(b []byte) []byte { h, _ := section(b, ".debug_abbrev"); le.PutUint64(h[32:], 30); return b }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := readAll(tt.damage(bytes.Clone(whole))); err == nil {
				t.Error("no error")
			}
		})
	}
}

// Without section headers, as sstrip leaves a file, functions are still found.
func TestNoSections(t *testing.T) {
	for _, flags := range [][]string{nil, {"-buildmode=pie"}} {
		b := tiny(t, flags...)
		whole, err := Open("whole", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		want, err := whole.Functions([]string{"runtime.newproc1"})
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.Clone(b)
		clear(b[60:64])
		f, err := Open("bare", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Functions([]string{"runtime.newproc1"})
		if err != nil || len(got) != 1 || got["runtime.newproc1"].Address != want["runtime.newproc1"].Address {
			t.Errorf("%v: got %v, want %v: %v", flags, got, want, err)
		}
	}
}
