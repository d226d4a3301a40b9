package gobin

import (
	"fmt"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// decodeAMD64 decodes a function's machine code.
func decodeAMD64(code []byte) ([]instruction, error) {
	all := make([]instruction, 0, len(code)/4+1)
	for at := 0; at < len(code); {
		in, err := x86asm.Decode(code[at:], 64)
		if err != nil || in.Len <= 0 || in.Op == 0 { // a prefix alone has no operation
			return nil, fmt.Errorf("%w: unknown instruction at +%#x: %v", ErrNoSite, at, err)
		}
		next := at + in.Len
		all = append(all, describeAMD64(in, code[at:next], at, next))
		at = next
	}
	return all, nil
}

func describeAMD64(in x86asm.Inst, code []byte, at, next int) instruction {
	i := instruction{at: at, emulated: emulatedAMD64(code), refused: refusedAMD64(in)}
	if relative, ok := in.Args[0].(x86asm.Rel); ok {
		i.target = next + int(relative)
		switch in.Op {
		case x86asm.JMP:
			i.flow = flowJump
		case x86asm.CALL:
			i.flow = flowCall
		default: // jcc, loop, jrcxz, xbegin
			i.flow = flowBranch
		}
		return i
	}
	switch in.Op {
	case x86asm.JMP, x86asm.CALL, x86asm.LJMP, x86asm.LCALL:
		i.flow = flowIndirect
	case x86asm.RET, x86asm.LRET, x86asm.IRET, x86asm.IRETD, x86asm.IRETQ, x86asm.UD0, x86asm.UD1, x86asm.UD2,
		x86asm.HLT, x86asm.INT, x86asm.INTO, x86asm.ICEBP, x86asm.SYSCALL, x86asm.SYSENTER:
		i.flow, i.refused = flowStop, true
	case x86asm.CMP, x86asm.TEST, x86asm.NOP:
		i.passive, i.checks = true, true
	case x86asm.MOV, x86asm.LEA, x86asm.SUB:
		// The temporary register of stacksplit in obj6.go.
		i.checks = in.Args[0] == x86asm.R12 || in.Args[0] == x86asm.R13
	}
	describeDataAMD64(&i, in)
	return i
}

// argumentsAMD64 are the integer registers of Go's internal ABI on amd64.
var argumentsAMD64 = [...]x86asm.Reg{x86asm.RAX, x86asm.RBX, x86asm.RCX, x86asm.RDI, x86asm.RSI, x86asm.R8, x86asm.R9, x86asm.R10, x86asm.R11}

// describeDataAMD64 says what an instruction does to memory and registers.
func describeDataAMD64(i *instruction, in x86asm.Inst) {
	switch to := in.Args[0].(type) {
	case x86asm.Mem:
		i.stores = in.Op == x86asm.MOV || in.Op == x86asm.MOVUPS || in.Op == x86asm.MOVUPD
	case x86asm.Reg:
		if i.passive || in.Op == x86asm.PUSH {
			return
		}
		i.writes = registerAMD64(to)
		i.addresses = in.Op == x86asm.LEA
		from, ok := in.Args[1].(x86asm.Mem)
		i.loads = ok && in.Op == x86asm.MOV && in.DataSize == 64 && from.Base == x86asm.RSP && from.Index == 0 && from.Segment == 0
		if i.loads {
			i.slot = int32(from.Disp)
		}
	}
}

// registerAMD64 takes the whole register or its lower half.
func registerAMD64(r x86asm.Reg) register {
	if r >= x86asm.EAX && r <= x86asm.R15L {
		r += x86asm.RAX - x86asm.EAX
	}
	return register(slices.Index(argumentsAMD64[:], r) + 1)
}

// emulatedAMD64 tells whether every kernel since 4.16 emulates an instruction:
// jmp, jcc, call, nop and push of a register, none with a prefix but that of r8 to r15.
// Newer kernels know a few more. See arch/x86/kernel/uprobes.c.
func emulatedAMD64(code []byte) bool {
	switch op := code[0]; {
	case op >= 0x50 && op <= 0x57: // push
		return len(code) == 1
	case op == 0x41: // push of r8 to r15
		return len(code) == 2 && code[1] >= 0x50 && code[1] <= 0x57
	case op == 0x90: // nop
		return len(code) == 1
	case op >= 0x70 && op <= 0x7f, op == 0xeb: // jcc and jmp, short
		return len(code) == 2
	case op == 0xe8, op == 0xe9: // call, jmp
		return len(code) == 5
	case op == 0x0f: // jcc
		return len(code) == 6 && code[1] >= 0x80 && code[1] <= 0x8f
	}
	return false
}

// refusedAMD64 tells whether an instruction has a prefix that is_prefix_bad in
// arch/x86/kernel/uprobes.c knows: lock, or a segment that means nothing.
func refusedAMD64(in x86asm.Inst) bool {
	for _, p := range in.Prefix {
		if p.IsVEX() { // what follows is not prefixes
			return false
		}
		switch p & 0xff {
		case 0xf0, 0x26, 0x2e, 0x36, 0x3e:
			return true
		}
	}
	return false
}

func textAMD64(code []byte, addr uint64) string {
	in, err := x86asm.Decode(code, 64)
	if err != nil {
		return ""
	}
	return x86asm.GNUSyntax(in, addr, nil)
}
