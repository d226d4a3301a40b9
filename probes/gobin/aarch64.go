package gobin

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/arch/arm64/arm64asm"
)

// decodeARM64 decodes a function's machine code. Only the few encodings that
// matter are told apart, so that constants between the code do no harm.
func decodeARM64(code []byte) ([]instruction, error) {
	if len(code)%4 != 0 {
		return nil, fmt.Errorf("%w: %d bytes of code", ErrNoSite, len(code))
	}
	all := make([]instruction, 0, len(code)/4)
	for at := 0; at < len(code); at += 4 {
		all = append(all, describeARM64(binary.LittleEndian.Uint32(code[at:]), at))
	}
	return all, nil
}

// describeARM64 knows the encodings of "C4.1 A64 instruction set encoding" in the
// Arm Architecture Reference Manual. What the kernel simulates and what it refuses:
// aarch64_insn_is_steppable in arch/arm64/kernel/probes/decode-insn.c.
func describeARM64(w uint32, at int) instruction {
	i := instruction{at: at}
	to := func(flow flow, shift, bits uint) {
		i.flow, i.emulated = flow, true
		i.target = at + int(int32(w<<(32-shift-bits))>>(32-bits))*4
	}
	switch {
	case w&0xfc000000 == 0x14000000: // b
		to(flowJump, 0, 26)
	case w&0xfc000000 == 0x94000000: // bl
		to(flowCall, 0, 26)
	case w&0xff000010 == 0x54000000: // b.cond
		to(flowBranch, 5, 19)
	case w&0x7e000000 == 0x34000000: // cbz, cbnz
		to(flowBranch, 5, 19)
	case w&0x7e000000 == 0x36000000: // tbz, tbnz
		to(flowBranch, 5, 14)
	case w&0xfffffc1f == 0xd61f0000, w&0xfffffc1f == 0xd63f0000: // br, blr
		i.flow, i.emulated = flowIndirect, true
	case w&0xfe000000 == 0xd6000000: // ret and those with pointer authentication
		i.flow, i.refused = flowStop, true
	case w&0xff000000 == 0xd4000000, w>>16 == 0: // svc, brk, hlt and the like; udf
		i.flow, i.refused = flowStop, true
	case w == 0xd503201f: // nop: stepped before Linux 6.13
		i.passive, i.checks = true, true
	case w&0x1f000000 == 0x10000000: // adr, adrp
		i.emulated, i.addresses = true, true
		i.writes = argumentARM64(w & 31)
	case w&0xbf000000 == 0x18000000, w&0xff000000 == 0x98000000: // ldr and ldrsw of a literal
		i.emulated = true
	case w&0x3b000000 == 0x18000000: // other literals, which a copy elsewhere would miss
		i.refused = true
	case w&0x3f000000 == 0x08000000: // exclusive loads and stores, which stepping would break
		i.refused = true
	case w&0xfff00000 == 0xd5100000, w&0xfff8f01f == 0xd500401f: // msr
		i.refused = true
	default:
		i.passive = compareARM64(w)
		i.checks = i.passive || scratchARM64(w)
		describeDataARM64(&i, w)
	}
	return i
}

// describeDataARM64 says what an instruction does to memory and registers. The
// integer registers of Go's internal ABI on arm64 are x0 to x15.
func describeDataARM64(i *instruction, w uint32) {
	const sp = 31
	to, base := w&31, w>>5&31
	switch {
	case i.passive:
	case w&0x3b400000 == 0x39000000, w&0x3b600c00 == 0x38000000, w&0x3a400000 == 0x28000000: // str, stur, stp
		i.stores = true
	case to < 16:
		i.writes = argumentARM64(to)
		i.addresses = w&0xff800000 == 0x91000000           // add of an immediate
		i.loads = w&0xffc00000 == 0xf9400000 && base == sp // ldr with an offset
		i.slot = int32(w >> 10 & 0xfff * 8)
	}
}

// argumentARM64 numbers a register as the ABI does; 0: it is none for arguments.
func argumentARM64(r uint32) register {
	if r < 16 {
		return register(r + 1)
	}
	return 0
}

// compareARM64 recognises subs with the zero register as its destination.
func compareARM64(w uint32) bool {
	switch {
	case w&0x7f00001f == 0x7100001f: // immediate
	case w&0x7f20001f == 0x6b00001f: // shifted register
	case w&0x7fe0001f == 0x6b20001f: // extended register
	default:
		return false
	}
	return true
}

// scratchARM64 recognises what a stack check computes in the temporary registers
// of the assembler, x16, x17 and x27: see stacksplit in src/cmd/internal/obj/arm64/obj7.go.
func scratchARM64(w uint32) bool {
	if d := w & 31; d != 16 && d != 17 && d != 27 {
		return false
	}
	switch {
	case w&0xffc00000 == 0xf9400000: // ldr with an offset
	case w&0x1f000000 == 0x11000000: // add, sub, subs with an immediate
	case w&0x1f000000 == 0x0b000000: // the same with a register
	case w&0x1f800000 == 0x12800000: // movn, movz, movk
	case w&0x7f800000 == 0x32000000: // orr with an immediate
	default:
		return false
	}
	return true
}

func textARM64(code []byte, _ uint64) string {
	in, err := arm64asm.Decode(code)
	if err != nil {
		return ""
	}
	return arm64asm.GNUSyntax(in)
}
