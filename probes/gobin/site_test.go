package gobin

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestChooseSite(t *testing.T) {
	const none = -1
	tests := []struct {
		name, arch, code string // in hex, an instruction a word
		at               int
		class            Class
	}{
		{
			"small frame", "amd64",
			"493b6610 7606 55 4889e5 5d c3 e800000000 ebed",
			6, Emulated,
		},
		{
			"large frame", "amd64",
			"4c8d642480 4d3b6610 7606 55 4889e5 5d c3 e800000000 ebe8",
			11, Emulated,
		},
		{
			"huge frame", "amd64", // mov %rsp,%r12; sub $0x10000,%r12; jb; cmp; jbe
			"4989e4 4981ec00000100 720c 4d3b6610 7606 55 4889e5 5d c3 e800000000 ebe1",
			18, Emulated,
		},
		{"old frame, laid out before rbp is saved", "amd64", "493b6610 7605 4883ec18 c3 e800000000 ebee", 6, Stepped},
		{"no check", "amd64", "55 4889e5 5d c3", 0, Emulated},
		{"no frame", "amd64", "488b4008 c3", 0, Stepped},
		{"comparison first", "amd64", "4885c0 7403 31c0 c3 c3", 3, Emulated},
		{"nothing but a return", "amd64", "c3", none, 0},
		{"trap", "amd64", "0f0b", none, 0},
		{"lock prefix", "amd64", "f0480fc108 c3", none, 0},
		{"loop to the entry", "amd64", "48ffc8 75fb c3", none, 0},
		{"loop into the prologue", "amd64", "493b6610 7606 55 4889e5 ebfa c3 e800000000 ebed", none, 0},
		{"recursion", "amd64", "55 4889e5 e8f7ffffff 5d c3", 0, Emulated},
		{"undefined", "amd64", "06", none, 0},
		{"truncated", "amd64", "4981", none, 0},
		{"empty", "amd64", "", none, 0},
		{
			"check", "arm64", // ldr x16,[x28,#16]; cmp sp,x16; b.ls; str x30,[sp,#-32]!; ret; mov x3,x30; bl; b
			"900b40f9 ff6330eb 69000054 fe0f1ef8 c0035fd6 e3031eaa 00000094 f9ffff17",
			12, Stepped,
		},
		{"frameless", "arm64", "00040091 c0035fd6", 0, Stepped},
		{"branch first", "arm64", "400000b4 00040091 c0035fd6", 0, Emulated},
		{"return", "arm64", "c0035fd6", none, 0},
		{"loop to the entry", "arm64", "000400f1 e1ffff54 c0035fd6", none, 0},
		{"exclusive load", "arm64", "007c5fc8 c0035fd6", none, 0},
		{"half an instruction", "arm64", "c003", none, 0},
	}
	for _, tt := range tests {
		t.Run(tt.arch+" "+tt.name, func(t *testing.T) {
			code, err := hex.DecodeString(strings.ReplaceAll(tt.code, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			decode := decodeAMD64
			if tt.arch == "arm64" {
				decode = decodeARM64
			}
			all, err := decode(code)
			if err == nil {
				var in instruction
				in, err = chooseSite(all)
				if err == nil && (in.at != tt.at || in.emulated != (tt.class == Emulated)) {
					t.Errorf("at +%d, emulated %v, want +%d, %v", in.at, in.emulated, tt.at, tt.class)
				}
			}
			if (tt.at == none) != errors.Is(err, ErrNoSite) || tt.at >= 0 && err != nil {
				t.Errorf("error: %v", err)
			}
		})
	}
}
