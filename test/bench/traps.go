package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/throughline/throughline/probes"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// placeTraps puts a program that does nothing at every place of a Go process where the
// agent has one, but for those that write headers: what the kernel takes for being
// there, whatever the agent does. It wraps gobin.ErrNotGo for other processes.
func placeTraps(pid int) (traps io.Closer, err error) {
	path := fmt.Sprintf("/proc/%d/exe", pid)
	places, err := probePlaces(path)
	if err != nil {
		return nil, fmt.Errorf("finding the places of probes: %w", err)
	}
	spec := &ebpf.ProgramSpec{
		Name: "bench_trap", Type: ebpf.Kprobe, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	}
	multi := features.HaveBPFLinkUprobeMulti() == nil // as the agent does it
	if multi {
		spec.AttachType = ebpf.AttachTraceUprobeMulti
	}
	program, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("loading an empty program: %w", err)
	}
	defer program.Close() // links keep it
	file, err := link.OpenExecutable(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if multi {
		l, err := file.UprobeMulti(nil, program, &link.UprobeMultiOptions{Addresses: places, PID: uint32(pid)})
		if err != nil {
			return nil, fmt.Errorf("placing empty programs: %w", err)
		}
		return l, nil
	}
	var links closers
	for _, at := range places {
		l, err := file.Uprobe("trap", program, &link.UprobeOptions{Address: at, PID: pid})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("placing empty programs: %w", err), links.Close())
		}
		links = append(links, l)
	}
	return links, nil
}

// probePlaces are the offsets in an executable at which the agent has its probes.
func probePlaces(path string) ([]uint64, error) {
	table, err := offsets.Load()
	if err != nil {
		return nil, err
	}
	f, err := gobin.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	made, err := plan.Make(f, probes.GoLibraries(false), table)
	if err != nil {
		return nil, err
	}
	if len(made.Probes) == 0 {
		return nil, errors.New("there are none")
	}
	places := make([]uint64, len(made.Probes))
	for i, p := range made.Probes {
		places[i] = p.Offset
	}
	return places, nil
}

// closers are closed together.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}
