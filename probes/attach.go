package probes

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// attach attaches every program of the object to where its section says: a
// list of places with commas between them, "?" before those that a kernel may
// lack. Programs that are attached elsewhere (sk_msg, sockops) are left.
func (o *object) attach() error {
	for name, program := range o.collection.Programs {
		spec := o.spec.Programs[name]
		for place := range strings.SplitSeq(spec.AttachTo, ",") {
			optional := strings.HasPrefix(place, "?")
			place = strings.TrimPrefix(place, "?")
			l, err := attachTo(spec, program, place)
			if optional && errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("attaching %s to %s: %w", name, place, err)
			}
			if l != nil {
				o.links = append(o.links, l)
			}
		}
	}
	return nil
}

func attachTo(spec *ebpf.ProgramSpec, program *ebpf.Program, place string) (link.Link, error) {
	switch spec.Type {
	case ebpf.Tracing:
		return link.AttachTracing(link.TracingOptions{Program: program})
	case ebpf.Kprobe:
		if spec.SectionName == uprobeSection {
			return nil, nil // at each target by itself
		}
		if strings.HasPrefix(spec.SectionName, "kretprobe/") {
			return link.Kretprobe(place, program, nil)
		}
		return link.Kprobe(place, program, nil)
	case ebpf.TracePoint:
		group, event, ok := strings.Cut(place, "/")
		if !ok { // further events of a list are of the first one's group
			group, event, _ = strings.Cut(strings.SplitN(spec.AttachTo, ",", 2)[0], "/")
			event = place
		}
		return link.Tracepoint(group, event, program, nil)
	}
	return nil, nil
}
