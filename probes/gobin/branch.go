package gobin

import "fmt"

// maxBehind bounds the instructions between a call and the branch that tests what
// it returned, and those before it that load an argument.
const maxBehind = 32

// A Branch is the conditional branch by which a function tests the results of a
// call: the registers hold them as the callee left them, results in the order of
// Go's internal ABI, g and the stack pointer as in the body of the function.
type Branch struct {
	Site
	code []instruction
	call int // position of the call in code
}

// BranchBehind returns the branch behind a function's direct call of another. The
// kernel emulates conditional branches, and nothing between the call and the branch
// changes a register of the first so many results; 0: of any. The error is ErrNoSite if
// there is no such call, or several that do not meet in one branch.
func (f *File) BranchBehind(fn, callee Function, results int) (Branch, error) {
	code, err := f.code(fn, maxCode)
	if err != nil {
		return Branch{}, fmt.Errorf("reading code of %s in %s: %w", fn.Name, f.name, err)
	}
	all, err := f.decode(code)
	if err != nil {
		return Branch{}, fmt.Errorf("decoding %s in %s: %w", fn.Name, f.name, err)
	}
	found := Branch{call: -1}
	for i, in := range all {
		if in.flow != flowCall || fn.Address+uint64(int64(in.target)) != callee.Address {
			continue
		}
		at, ok := branchBehind(all, i+1, results)
		if !ok || found.call >= 0 && all[at].at != int(found.Offset-fn.Offset) {
			return Branch{}, fmt.Errorf("%w: what %s does with the results of %s is not understood", ErrNoSite, fn.Name, callee.Name)
		}
		found = Branch{Site: f.siteAt(fn, code, all[at]), code: all, call: i}
	}
	if found.call < 0 {
		return Branch{}, fmt.Errorf("%w: %s does not call %s", ErrNoSite, fn.Name, callee.Name)
	}
	return found, nil
}

// Slot returns where the function keeps, across the call, the integer argument n
// that it passes: the distance from the stack pointer in bytes. The error is
// ErrNoSite if the argument is not loaded from the stack right before the call.
func (b Branch) Slot(n int) (uint32, error) {
	for i := b.call - 1; i >= 0 && i > b.call-maxBehind; i-- {
		in := b.code[i]
		if in.flow != flowNext {
			break
		}
		if in.writes != register(n+1) {
			continue
		}
		if !in.loads {
			break
		}
		return uint32(in.slot), nil
	}
	return 0, fmt.Errorf("%w: argument %d of the call at +%#x is not kept on the stack", ErrNoSite, n, b.code[b.call].at)
}

// branchBehind follows the code from position i to its first conditional branch.
func branchBehind(all []instruction, i, results int) (at int, ok bool) {
	for range maxBehind {
		if i >= len(all) {
			return 0, false
		}
		switch in := all[i]; {
		case in.flow == flowBranch:
			return i, in.emulated
		case in.flow == flowJump:
			if i, ok = position(all, in.target); !ok {
				return 0, false
			}
		case in.flow == flowNext && (in.passive || in.stores || results > 0 && in.addresses && !in.changes(results)):
			i++
		default:
			return 0, false
		}
	}
	return 0, false
}

// changes tells whether an instruction writes a register of the first so many
// results.
func (in instruction) changes(results int) bool { return in.writes > 0 && int(in.writes) <= results }
