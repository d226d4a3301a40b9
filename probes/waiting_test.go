package probes

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"testing"
)

// TestWaitingHidden: the trial gives an answer, whichever this kernel's is.
func TestWaitingHidden(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("ABSENT: root, who may load programs")
	}
	hidden, err := waitingHidden()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("FIONREAD is answered by 0 on a socket in a sockmap: %v", hidden)
}

// executable is an ELF file whose one segment of code is what is given.
func executable(machine elf.Machine, code []byte) []byte {
	const head = 64 + 56
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	p := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_X), Off: head, Filesz: uint64(len(code)), Memsz: uint64(len(code))}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a buffer takes everything
	_ = binary.Write(&b, binary.LittleEndian, p)
	b.Write(code)
	return b.Bytes()
}

func TestCodeHolds(t *testing.T) {
	asks := askingCode[elf.EM_X86_64]
	at := func(place, size int) []byte {
		code := bytes.Repeat([]byte{0x90}, size)
		copy(code[place:], asks)
		return code
	}
	for _, c := range []struct {
		name string
		file []byte
		want bool
		err  bool
	}{
		{name: "first", file: executable(elf.EM_X86_64, at(0, 100)), want: true},
		{name: "last", file: executable(elf.EM_X86_64, at(95, 100)), want: true},
		{name: "over the end of a piece", file: executable(elf.EM_X86_64, at(scanSize-2, 2*scanSize)), want: true},
		{name: "over the end of a second piece", file: executable(elf.EM_X86_64, at(2*scanSize-6, 3*scanSize)), want: true},
		{name: "cut off", file: executable(elf.EM_X86_64, at(97, 100))},
		{name: "not there", file: executable(elf.EM_X86_64, bytes.Repeat([]byte{0x90}, 3*scanSize))},
		{name: "of another machine", file: executable(elf.EM_AARCH64, at(0, 100))},
		{name: "arm64", file: executable(elf.EM_AARCH64, []byte{0x61, 0x83, 0x8a, 0x52}), want: true},
		{name: "unknown machine", file: executable(elf.EM_RISCV, at(0, 100)), err: true},
		{name: "no executable", file: []byte("#!/bin/sh\n"), err: true},
	} {
		got, err := codeHolds(bytes.NewReader(c.file))
		if got != c.want || (err != nil) != c.err {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	if !asksWaiting("/nonexistent") {
		t.Error("what cannot be read may ask")
	}
}
