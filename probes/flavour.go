package probes

import (
	"errors"
	"fmt"
	"strings"
)

// A Flavour is one way to hook the socket source. All share one core and the
// same maps; bpf/sock_<object>.bpf.c holds their adapters.
type Flavour struct {
	// Name is what users and reports call it.
	Name string
	// Object is the kernel program's file name.
	Object string
}

// Flavours returns every flavour, the cheapest first: the first whose object
// loads and attaches is used.
func Flavours() []Flavour {
	return []Flavour{
		{Name: "tracepoint", Object: "sock_tracepoint"},
		{Name: "fentry", Object: "sock_fentry"},
		{Name: "kprobe", Object: "sock_kprobe"},
		{Name: "syscall", Object: "sock_syscall"},
	}
}

// flavoursNamed returns the flavours to try: all, or the one that is named.
func flavoursNamed(name string) ([]Flavour, error) {
	all := Flavours()
	if name == "" || name == "auto" {
		return all, nil
	}
	names := make([]string, len(all))
	for i, f := range all {
		if f.Name == name {
			return all[i : i+1], nil
		}
		names[i] = f.Name
	}
	return nil, fmt.Errorf("no flavour is called %q: use auto, %s", name, strings.Join(names, ", "))
}

// A FlavourError says why no flavour could be used.
type FlavourError struct {
	Tried  []Flavour
	Causes []error // one for each
}

func (e *FlavourError) Error() string {
	parts := make([]string, len(e.Tried))
	for i, f := range e.Tried {
		parts[i] = fmt.Sprintf("%s: %v", f.Name, e.Causes[i])
	}
	return "this kernel lets none of the socket hooks be attached (" + strings.Join(parts, "; ") +
		"); throughline doctor says more"
}

// Unwrap returns the causes.
func (e *FlavourError) Unwrap() error { return errors.Join(e.Causes...) }
