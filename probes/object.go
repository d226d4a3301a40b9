package probes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
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

// readObject reads <name>.bpf.c and makes it fit this kernel, whose types are given;
// nil: they are not asked. Nothing is loaded yet.
func readObject(name string, set settings, kernel *btf.Spec) (*object, error) {
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
	return &object{name: name, spec: spec}, nil
}

// share makes the object's maps that nobody has made before.
func (o *object) share(maps map[string]*ebpf.Map) error {
	for name, spec := range o.spec.Maps {
		if _, ok := maps[name]; ok || strings.HasPrefix(name, ".") { // its own variables
			continue
		}
		m, err := ebpf.NewMap(spec)
		if err != nil {
			return fmt.Errorf("making map %s of kernel program %s: %w", name, o.name, loadError{err})
		}
		maps[name] = m
	}
	return nil
}

// load loads the object's programs over maps that share has seen. kernel are the
// running kernel's types, for this call alone; nil: they are read anew.
func (o *object) load(maps map[string]*ebpf.Map, kernel *btf.Spec) (err error) {
	options := ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{},
		Programs:        ebpf.ProgramOptions{KernelTypes: kernel},
	}
	for name := range o.spec.Maps {
		if m, ok := maps[name]; ok {
			options.MapReplacements[name] = m
		}
	}
	if o.collection, err = ebpf.NewCollectionWithOptions(o.spec, options); err != nil {
		return fmt.Errorf("loading kernel program %s: %w", o.name, loadError{err})
	}
	return nil
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

// Close detaches and unloads. The kernel keeps nothing of it.
func (o *object) Close() error {
	var errs []error
	for _, l := range o.links {
		errs = append(errs, l.Close())
	}
	o.links = nil
	if o.collection != nil {
		o.collection.Close()
	}
	return errors.Join(errs...)
}
