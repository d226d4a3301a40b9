package probes

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// libraries probes the libraries of the targets that are Go programs. What fails
// leaves a target to the socket source.
type libraries struct {
	probes *Probes
	set    settings
	table  func() (*offsets.Table, error)

	mu       sync.Mutex
	kernel   *btf.Spec            // nil once the agent is open: read anew
	maps     map[string]*ebpf.Map // those of the socket source, and the libraries' own
	objects  map[variant]*object
	programs map[fileID]*goProgram
	links    map[uint32][]link.Link // by tgid
}

// goPrograms is how many the kernel's table holds (GO_PROGRAMS in bpf/abi.h).
const goPrograms = 256

// fileID names the contents of a file.
type fileID struct {
	dev, ino uint64
	size     int64
	changed  syscall.Timespec
}

// goProgram is an executable with its place in the kernel's table.
type goProgram struct {
	index uint32
	plan  *plan.Plan
}

func newLibraries(p *Probes, set settings) *libraries {
	return &libraries{
		probes: p, set: set, table: sync.OnceValues(offsets.Load),
		maps: maps.Clone(p.maps), objects: map[variant]*object{}, programs: map[fileID]*goProgram{}, links: map[uint32][]link.Link{},
	}
}

// attach probes the libraries of a Go program. It returns the program's index in
// the kernel's table, 0 if nothing is probed.
func (l *libraries) attach(p *process.Process) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	tgid := uint32(p.PID)
	l.detachLocked(tgid) // of what it executed before
	program, err := l.program(p.ExecutableHandle())
	if err == nil && len(program.plan.Probes) > 0 {
		err = l.place(p, program)
	}
	if err != nil {
		l.probes.log.Warn("its Go libraries are not probed", "pid", p.PID, "reason", err)
		l.detachLocked(tgid)
		return 0
	}
	for _, note := range program.plan.Notes {
		l.probes.log.Info(note, "pid", p.PID)
	}
	if len(l.links[tgid]) == 0 {
		return 0
	}
	return program.index
}

// program reads an executable, once for each that there is.
func (l *libraries) program(path string) (*goProgram, error) {
	id, err := fileIDOf(path)
	if err != nil {
		return nil, err
	}
	if known, ok := l.programs[id]; ok {
		return known, nil
	}
	table, err := l.table()
	if err != nil {
		return nil, err
	}
	f, err := gobin.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	made, err := plan.Make(f, GoLibraries(l.set["write_user"] == true), table)
	if err != nil {
		return nil, err
	}
	fresh := &goProgram{index: uint32(len(l.programs) + 1), plan: made}
	if fresh.index >= uint32(goPrograms) {
		return nil, fmt.Errorf("there are %d Go programs already", len(l.programs))
	}
	l.programs[id] = fresh
	return fresh, nil
}

func fileIDOf(path string) (fileID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileID{}, err
	}
	s := info.Sys().(*syscall.Stat_t)
	return fileID{dev: s.Dev, ino: s.Ino, size: s.Size, changed: s.Ctim}, nil
}

// place puts every probe of the plan into the process.
func (l *libraries) place(p *process.Process, program *goProgram) error {
	type place struct{ object, program string }
	at := map[place][]uint64{}
	for _, one := range program.plan.Probes {
		key := place{one.Object, one.Program}
		at[key] = append(at[key], one.Offset)
	}
	if err := l.loadAll(variants(program.plan)); err != nil {
		return err
	}
	if err := l.maps["go_programs"].Update(program.index, &program.plan.Program, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("telling the kernel of a Go program: %w", err)
	}
	for key, offsets := range at {
		o := l.objects[variant{key.object, hasSDK(program.plan)}]
		links, err := o.uprobe(key.program, l.set["uprobe_multi"] == true, p.ExecutableHandle(), p.PID, offsets)
		if err != nil {
			return fmt.Errorf("placing %s: %w", key.program, err)
		}
		l.links[uint32(p.PID)] = append(l.links[uint32(p.PID)], links...)
	}
	return nil
}

// detach takes the probes out of a process, whose executable is then as it was.
func (l *libraries) detach(tgid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.detachLocked(tgid)
}

func (l *libraries) detachLocked(tgid uint32) {
	links := l.links[tgid]
	delete(l.links, tgid)
	if err := closeLinks(links); err != nil {
		l.probes.log.Warn("taking probes out of a process", "pid", tgid, "error", err)
	}
}

// Close detaches everything at once: each link waits for the kernel.
func (l *libraries) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wait sync.WaitGroup
	for tgid, links := range l.links {
		for _, one := range links {
			wait.Go(func() {
				if err := one.Close(); err != nil {
					l.probes.log.Warn("taking a probe out of a process", "pid", tgid, "error", err)
				}
			})
		}
	}
	wait.Wait()
	clear(l.links)
	for name, m := range l.maps {
		if _, ok := l.probes.maps[name]; !ok {
			m.Close()
		}
	}
}
