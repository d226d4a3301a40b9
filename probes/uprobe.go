package probes

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
)

// uprobeSection marks programs that are placed in each target by itself.
const uprobeSection = "uprobe"

// haveUprobeMulti tells whether one link can hold several probes (6.6), and be
// closed in a fraction of the time.
func haveUprobeMulti() bool { return features.HaveBPFLinkUprobeMulti() == nil }

// uprobe places a program at offsets of a process's executable, for that process
// alone.
func (o *object) uprobe(program string, multi bool, exe string, pid int, offsets []uint64) ([]link.Link, error) {
	p, ok := o.collection.Programs[program]
	if !ok {
		return nil, fmt.Errorf("kernel object %s has no program %s", o.name, program)
	}
	file, err := link.OpenExecutable(exe)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", exe, err)
	}
	if multi {
		l, err := file.UprobeMulti(nil, p, &link.UprobeMultiOptions{Addresses: offsets, PID: uint32(pid)})
		if err != nil {
			return nil, err
		}
		return []link.Link{l}, nil
	}
	var links []link.Link
	for _, at := range offsets {
		l, err := file.Uprobe(program, p, &link.UprobeOptions{Address: at, PID: pid})
		if err != nil {
			return nil, errors.Join(err, closeLinks(links))
		}
		links = append(links, l)
	}
	return links, nil
}

func closeLinks(links []link.Link) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
