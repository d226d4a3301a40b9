package gobin

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/throughline/throughline/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

// A build is a way to build a program of testdata.
type build struct {
	name, program string
	env, flags    []string

	arch                 string
	pie, stripped, dwarf bool
}

// builds are for the machine's own architecture where C is involved.
func builds() []build {
	pure := func(arch string) []string { return []string{"CGO_ENABLED=0", "GOARCH=" + arch} }
	own := []string{"CGO_ENABLED=1"}
	pie, bare := "-buildmode=pie", "-ldflags=-s -w"
	return []build{
		{"default", "server", pure("amd64"), nil, "amd64", false, false, true},
		{"stripped", "server", pure("amd64"), []string{bare}, "amd64", false, true, false},
		{"pie", "server", pure("amd64"), []string{pie}, "amd64", true, false, true},
		{"pie stripped", "server", pure("amd64"), []string{pie, bare}, "amd64", true, true, false},
		{"trimpath", "server", pure("amd64"), []string{"-trimpath"}, "amd64", false, false, true},
		{"arm64", "server", pure("arm64"), nil, "arm64", false, false, true},
		{"arm64 stripped", "server", pure("arm64"), []string{bare}, "arm64", false, true, false},
		{"cgo", "native", own, nil, runtime.GOARCH, false, false, true},
		{"cgo stripped", "native", own, []string{bare}, runtime.GOARCH, false, true, false},
		{"cgo pie stripped", "native", own, []string{pie, bare}, runtime.GOARCH, true, true, false},
	}
}

// compile builds a program and returns the file.
func compile(t testing.TB, b build) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil && b.program == "native" {
		t.Skip("no C compiler")
	}
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", append(append([]string{"build", "-p", "1", "-o", out}, b.flags...), "main.go")...)
	cmd.Dir = filepath.Join("testdata", b.program)
	cmd.Env = append(append(os.Environ(), "GOFLAGS="), b.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, text)
	}
	return out
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
