// Package library is what a Go library's folder declares: which functions are
// probed, by which kernel programs, and which fields those read. It is data; package plan
// makes of it what holds for one executable.
package library

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
)

// A Library is one side of a Go library, as far as it is probed.
type Library struct {
	Name   string // for people: "net/http server"
	Object string // kernel object, bpf/<Object>.bpf.c
	// Arch is the only architecture that it is for, as GOARCH has it. Empty: all.
	Arch string
	// Writes says that its programs write to the process: not every kernel lets them.
	Writes bool
	// Module is the path of one whose programs are told where the library cannot be
	// probed, though no function of it is found; "" for none.
	Module string
	Probes []Probe
	Fields []Field
	// Drivers tell which database a program asks through the library: all of them
	// that it has are for that one.
	Drivers []Driver
}

// A Driver is a module that connects to a database.
type Driver struct {
	Module string
	System abi.Database
}

// A Probe places a kernel program at a function. Of several with the same program each
// that the executable has is placed.
type Probe struct {
	Program  string // in the library's object
	Function string // by its linker name, see gobin.SymbolName
	// Behind names a function that Function calls: the probe is at the branch that
	// tests what it returned. Empty: at Function's beginning.
	Behind string
	// Results is how many results of Behind the program reads; 0: any.
	Results int
	// Slot stores, for a probe behind a call, where the caller keeps an argument.
	Slot *Slot
	// Alike are fields of another module, which has a copy of the library's code:
	// they have to be where the library's own of these numbers are, for which the program is written.
	Alike []Field
	// Optional probes leave the library usable where their function is missing.
	Optional bool
}

// A Slot is the integer argument of a call that the caller keeps on its stack, and
// where the kernel programs look up its distance from the stack pointer.
type Slot struct {
	Argument int
	Set      func(p *abi.GoProgram, displacement uint32)
}

// A Field is one that kernel programs read: its number, and where to find its offset.
type Field struct {
	Number abi.GoField
	Module string // "std" for the standard library
	// Paths are ways that versions differ: the first that is there counts. The
	// offset is the sum of a path's own.
	Paths [][]gobin.Field
	// Optional fields leave the library usable where they are missing.
	Optional bool
}
