package golang

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/throughline/throughline/probes/process/runtime"
)

const plainProgram = "package main\n\nfunc main() { select {} }\n"

// cgoProgram has thread-local variables of its own beside g.
const cgoProgram = `package main

/*
static __thread long pad[5];
static __thread char more[3] = {1,2,3};
long touch(void) { more[1]++; return ++pad[2] + more[0]; }
*/
import "C"

func main() { println(C.touch()); select {} }
`

// build compiles a program and returns the file.
func build(t *testing.T, source string, env []string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "program")
	cmd := exec.Command("go", append(append([]string{"build", "-p", "1", "-o", out}, flags...), "main.go")...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GO111MODULE=off", "GOFLAGS="), env...)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, b)
	}
	return out
}

func TestGoroutineOffsets(t *testing.T) {
	want, known := goidOffsets[minorVersion(goruntime.Version())]
	if !known {
		t.Fatalf("%s is not in the table of goid offsets: build a program with it and add the offset", goruntime.Version())
	}
	_, err := exec.LookPath("gcc")
	haveC := err == nil && goruntime.GOARCH == "amd64"
	tests := []struct {
		name, source string
		env, flags   []string
		tls          int32 // 0: below -8
	}{
		{"plain", plainProgram, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, nil, -8},
		{"stripped", plainProgram, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, []string{"-ldflags=-s -w"}, -8},
		{"cgo", cgoProgram, nil, nil, 0},
		{"cgo stripped", cgoProgram, nil, []string{"-ldflags=-s -w"}, 0},
		{"cgo position-independent", cgoProgram, nil, []string{"-buildmode=pie"}, 0},
		{"cgo position-independent stripped", cgoProgram, nil, []string{"-buildmode=pie", "-ldflags=-s -w"}, 0},
	}
	cgo := int32(0)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.source == cgoProgram && !haveC {
				t.Skip("no C compiler for amd64")
			}
			goid, tls, err := GoroutineOffsetsOf(build(t, tt.source, tt.env, tt.flags...))
			if err != nil || goid != want {
				t.Fatalf("goid at %d, want %d: %v", goid, want, err)
			}
			switch {
			case tt.tls != 0 && tls != tt.tls:
				t.Errorf("g at %d, want %d", tls, tt.tls)
			case tt.tls == 0 && (tls >= -8 || cgo != 0 && tls != cgo):
				t.Errorf("g at %d, elsewhere at %d", tls, cgo)
			case tt.tls == 0:
				cgo = tls // symbol and code must agree
			}
		})
	}
}

// TestMachine relabels an amd64 file: all but the machine is the same.
func TestMachine(t *testing.T) {
	b, err := os.ReadFile(build(t, plainProgram, []string{"CGO_ENABLED=0", "GOARCH=amd64"}))
	if err != nil {
		t.Fatal(err)
	}
	const machineAt = 18 // e_machine
	b[machineAt] = byte(elf.EM_AARCH64)
	if goid, tls, err := GoroutineOffsets(bytes.NewReader(b)); err != nil || goid == 0 || tls != 0 {
		t.Errorf("arm64: got %d %d %v", goid, tls, err)
	}
	b[machineAt] = byte(elf.EM_RISCV)
	if _, _, err := GoroutineOffsets(bytes.NewReader(b)); !errors.Is(err, ErrUnknown) {
		t.Errorf("riscv: got %v", err)
	}
}

func TestDWARFAgreesWithTable(t *testing.T) {
	f, err := elf.Open(build(t, plainProgram, []string{"CGO_ENABLED=0", "GOARCH=amd64"}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := goidFromDWARF(f)
	if want := goidOffsets[minorVersion(goruntime.Version())]; err != nil || got != want {
		t.Errorf("got %d, %v; the table says %d", got, err, want)
	}
}

func TestNotGo(t *testing.T) {
	if _, _, err := GoroutineOffsetsOf("/bin/sh"); !errors.Is(err, ErrNotGo) {
		t.Errorf("got %v", err)
	}
	f, err := os.Open("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r, err := (Recogniser{}).Recognise(&runtime.Subject{Path: "/bin/sh", Exe: f}); r != nil || err != nil {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestMinorVersion(t *testing.T) {
	for version, want := range map[string]int{
		"go1.26.8": 26, "go1.18": 18, "go1.27rc1": 27, "go1.24.1 X:nodwarf5": 24,
		"devel go1.25-abc": 25, "": -1, "go1.": -1, "go2.1": -1, "gccgo": -1,
	} {
		if got := minorVersion(version); got != want {
			t.Errorf("%q: got %d, want %d", version, got, want)
		}
	}
}

// FuzzGoroutineOffsets feeds hostile files to all that reads Go executables.
func FuzzGoroutineOffsets(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	f.Add(smallELF())
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = GoroutineOffsets(bytes.NewReader(b))
		_, _ = (Recogniser{}).Recognise(&runtime.Subject{Path: "/x", Exe: bytes.NewReader(b)})
	})
}

// smallELF is a file header with one thread-local segment, to mutate.
func smallELF() []byte {
	b := make([]byte, 64+56)
	copy(b, "\x7fELF\x02\x01\x01")
	b[16], b[18], b[20] = 2, byte(elf.EM_X86_64), 1
	b[32], b[52], b[54], b[56], b[58] = 64, 64, 56, 1, 64
	b[64], b[64+40], b[64+48] = byte(elf.PT_TLS), 16, 8
	return b
}
