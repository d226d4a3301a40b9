package probes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/throughline/throughline/bpf"
)

// An object is one loaded file of kernel programs with its attachments.
type object struct {
	name       string
	spec       *ebpf.CollectionSpec
	collection *ebpf.Collection
	links      []link.Link
}

// settings are the values of the programs' const volatile variables, by name.
// A variable that an object does not have is passed over: objects share one set.
type settings map[string]any

// loadObject loads <name>.bpf.c. Maps that shared names already are used
// instead of new ones, and the object's own are added to it. kernel are the
// running kernel's types; nil: they are read anew.
func loadObject(name string, set settings, shared map[string]*ebpf.Map, kernel *btf.Spec) (*object, error) {
	file, err := bpf.Object(name)
	if err != nil {
		return nil, err
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(file)
	if err != nil {
		return nil, fmt.Errorf("reading kernel program %s: %w", name, err)
	}
	for variable, value := range set {
		v, ok := spec.Variables[variable]
		if !ok {
			continue
		}
		if err := v.Set(value); err != nil {
			return nil, fmt.Errorf("setting %s of kernel program %s: %w", variable, name, err)
		}
	}
	if size, ok := set["ring_bytes"].(uint32); ok && spec.Maps["events"] != nil {
		spec.Maps["events"].MaxEntries = size
	}
	for p, program := range spec.Programs {
		if absent(program, kernel) {
			delete(spec.Programs, p)
		}
	}
	if set["uprobe_multi"] == true {
		for _, p := range spec.Programs {
			if p.SectionName == uprobeSection {
				p.AttachType = ebpf.AttachTraceUprobeMulti
			}
		}
	}
	if set["have_bpf_loop"] == false {
		for _, p := range spec.Programs {
			dropCallbacks(p)
		}
	}
	options := ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{},
		Programs:        ebpf.ProgramOptions{KernelTypes: kernel},
	}
	for m := range spec.Maps {
		if s, ok := shared[m]; ok {
			options.MapReplacements[m] = s
		}
	}
	collection, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, fmt.Errorf("loading kernel program %s: %w", name, loadError{err})
	}
	for m, loaded := range collection.Maps {
		if _, ok := shared[m]; !ok && m[0] != '.' {
			shared[m] = loaded
		}
	}
	return &object{name: name, spec: spec, collection: collection}, nil
}

// A loadError is the kernel's refusal. At an EPERM the library guesses that the memory
// lock is too low, which Open has lifted before.
type loadError struct{ error }

const memlockGuess = " (MEMLOCK may be too low, consider rlimit.RemoveMemlock)"

func (e loadError) Error() string { return strings.ReplaceAll(e.error.Error(), memlockGuess, "") }

func (e loadError) Unwrap() error { return e.error }

// absent tells whether a program marked optional is for a function that this
// kernel does not have.
func absent(p *ebpf.ProgramSpec, kernel *btf.Spec) bool {
	if p.Type != ebpf.Tracing || !strings.HasPrefix(p.SectionName, "?") || kernel == nil {
		return false
	}
	var f *btf.Func
	return errors.Is(kernel.TypeByName(p.AttachTo, &f), btf.ErrNotFound)
}

// haveBPFLoop tells whether the kernel has the bpf_loop helper (5.17).
func haveBPFLoop() bool {
	return !errors.Is(features.HaveProgramHelper(ebpf.Kprobe, asm.FnLoop), ebpf.ErrNotSupported)
}

// dropCallbacks replaces references to callback functions by zero. A kernel
// without callbacks refuses the reference itself, also where it is never used.
func dropCallbacks(p *ebpf.ProgramSpec) {
	for i := range p.Instructions {
		ins := &p.Instructions[i]
		if !ins.IsLoadOfFunctionPointer() {
			continue
		}
		zero := asm.LoadImm(ins.Dst, 0, asm.DWord).WithMetadata(ins.Metadata)
		*ins = zero.WithReference("")
	}
}

// Close detaches and unloads. The kernel keeps nothing of it.
func (o *object) Close() error {
	var errs []error
	for _, l := range o.links {
		errs = append(errs, l.Close())
	}
	o.links = nil
	o.collection.Close()
	return errors.Join(errs...)
}
