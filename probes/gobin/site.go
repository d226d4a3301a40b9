package gobin

import (
	"fmt"
	"slices"
)

// maxCode bounds the code of a function that is decoded, in bytes. What is longer
// in real files initialises generated tables.
const maxCode = 256 << 10

// A Class says how the kernel gets past the instruction under a probe, which sets
// the probe's price: half a microsecond against nine, measured in a guest on x86.
type Class uint8

const (
	// Stepped: the kernel single-steps a copy of the instruction.
	Stepped Class = iota
	// Emulated: the kernel does in software what the instruction does. See
	// branch_setup_xol_ops and push_setup_xol_ops in arch/x86/kernel/uprobes.c, and
	// arm_probe_decode_insn in arch/arm64/kernel/probes/decode-insn.c.
	Emulated
)

func (c Class) String() string {
	if c == Emulated {
		return "emulated"
	}
	return "stepped"
}

// A Site is an instruction of a function for a uprobe. It is passed once in each
// call, whether or not the goroutine's stack has to grow, and before anything that the
// call was given changed: argument registers (internal ABI of Go), the closure's
// register, g (r14 or x28) and the stack pointer are as at the entry. So on amd64 the
// return address is at 0(%rsp) and arguments on the stack begin at 8(%rsp); on arm64
// the return address is in x30 and arguments on the stack begin at 8(sp).
type Site struct {
	Address     uint64 // virtual, as linked
	Offset      uint64 // in the file, in bytes: what perf_event_open and uprobe_multi take
	Instruction string // as the GNU assembler writes it
	Class       Class
}

// Site returns where to probe a function: the cheapest instruction behind the
// stack check, or at the entry if there is no check. The error is ErrNoSite if the code is not
// understood, or if a branch inside the function may lead to the instruction again.
//
// Jumps through a table are not followed. The compiler's tables lead to blocks of
// the body, and the entry block has no predecessors: see checkFunc in
// src/cmd/compile/internal/ssa/check.go.
func (f *File) Site(fn Function) (Site, error) {
	code, err := f.code(fn, maxCode)
	if err != nil {
		return Site{}, fmt.Errorf("reading code of %s in %s: %w", fn.Name, f.name, err)
	}
	all, err := f.decode(code)
	if err != nil {
		return Site{}, fmt.Errorf("decoding %s in %s: %w", fn.Name, f.name, err)
	}
	in, err := chooseSite(all)
	if err != nil {
		return Site{}, fmt.Errorf("choosing an instruction of %s in %s: %w", fn.Name, f.name, err)
	}
	return f.siteAt(fn, code, in), nil
}

func (f *File) decode(code []byte) ([]instruction, error) {
	if f.Arch == "arm64" {
		return decodeARM64(code)
	}
	return decodeAMD64(code)
}

// siteAt describes an instruction of a function.
func (f *File) siteAt(fn Function, code []byte, in instruction) Site {
	site := Site{Address: fn.Address + uint64(in.at), Offset: fn.Offset + uint64(in.at), Class: Stepped}
	if in.emulated {
		site.Class = Emulated
	}
	text := textAMD64
	if f.Arch == "arm64" {
		text = textARM64
	}
	site.Instruction = text(code[in.at:], site.Address)
	return site
}

// A flow is where an instruction leads beside the next one.
type flow uint8

const (
	flowNext     flow = iota
	flowBranch        // on a condition, to target
	flowJump          // to target
	flowCall          // to target
	flowIndirect      // call or jump, to what a register says
	flowStop          // return or trap
)

// An instruction is what choosing a site has to know of one.
type instruction struct {
	at       int // offset in the function
	target   int // likewise, perhaps outside of it; with flowBranch, flowJump, flowCall
	flow     flow
	emulated bool // by the kernel
	refused  bool // by the kernel, or unfit for a probe
	checks   bool // writes nothing but flags and registers that only a prologue uses
	passive  bool // writes nothing but flags

	stores    bool     // writes memory and no register
	addresses bool     // writes one register, to which it computes an address, and nothing else
	writes    register // an argument's, that it writes
	loads     bool     // from the stack, at slot
	slot      int32    // bytes from the stack pointer
}

// A register is one for an integer argument or result, in the order of Go's
// internal ABI (cmd/compile/abi-internal.md), the first being 1. 0 is any other.
type register uint8

// maxPrologue and maxGrowth bound the instructions of a stack check and of the
// code that it branches to, which saves all argument registers.
const (
	maxPrologue = 16
	maxGrowth   = 96
)

// chooseSite returns the instruction to probe.
func chooseSite(all []instruction) (instruction, error) {
	if len(all) == 0 {
		return instruction{}, fmt.Errorf("%w: no code", ErrNoSite)
	}
	start, loops := behindCheck(all)
	if start >= len(all) {
		return instruction{}, fmt.Errorf("%w: nothing behind the stack check", ErrNoSite)
	}
	site := start
	for site < len(all)-1 && !all[site].emulated && all[site].passive {
		site++
	}
	if !all[site].emulated {
		site = start
	}
	in := all[site]
	if in.refused {
		return instruction{}, fmt.Errorf("%w: the first instruction is a return or a trap", ErrNoSite)
	}
	return in, proveOnce(all, in.at, loops)
}

// behindCheck returns the position of the first instruction behind the stack
// check, 0 without one, and those of the jumps that lead back to the entry when the stack has
// grown. See stacksplit in src/cmd/internal/obj/x86/obj6.go and arm64/obj7.go.
func behindCheck(all []instruction) (start int, loops []int) {
	for i := 0; i < min(len(all), maxPrologue); i++ {
		if all[i].flow == flowBranch {
			loop, ok := growth(all, all[i].target)
			if !ok {
				break
			}
			if start = i + 1; !slices.Contains(loops, loop) {
				loops = append(loops, loop)
			}
			continue
		}
		if !all[i].checks {
			break
		}
	}
	return start, loops
}

// growth recognises the code that makes the stack grow: it makes one call and
// jumps to the entry. It returns the position of that jump.
func growth(all []instruction, target int) (int, bool) {
	first, ok := position(all, target)
	if !ok {
		return 0, false
	}
	calls := 0
	for i := first; i < min(len(all), first+maxGrowth); i++ {
		switch in := all[i]; in.flow {
		case flowNext:
		case flowCall:
			calls++
		case flowJump:
			return i, in.target == 0 && calls == 1
		default:
			return 0, false
		}
	}
	return 0, false
}

// position returns which instruction begins at an offset.
func position(all []instruction, at int) (int, bool) {
	return slices.BinarySearchFunc(all, at, func(in instruction, at int) int { return in.at - at })
}

// proveOnce returns an error if a call could pass the instruction at a place more
// than once, or not from the entry.
func proveOnce(all []instruction, at int, loops []int) error {
	for i, in := range all {
		switch in.flow {
		case flowBranch, flowJump, flowCall:
		default:
			continue
		}
		recursion := in.flow == flowCall && in.target == 0
		if in.target < 0 || in.target > at || recursion || in.target == 0 && slices.Contains(loops, i) {
			continue
		}
		return fmt.Errorf("%w: the instruction at +%#x leads to +%#x", ErrNoSite, in.at, in.target)
	}
	return nil
}
