package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// runs is how often a kernel program ran.
type runs struct {
	program string // its name, or what the kernel keeps of it
	count   uint64
	time    time.Duration
}

// goPrefix begins the name of each kernel program that is for a Go library.
const goPrefix = "go_"

// readRuns reads the counters of the programs for Go libraries that the processes
// hold, by the kernel's number of each. Those of other agents on this machine, which have
// the same names, are not among them.
func readRuns(pids []int) (map[uint32]runs, error) {
	found := map[uint32]runs{}
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f, err := os.Open(file)
			if errors.Is(err, os.ErrNotExist) {
				continue // closed meanwhile
			} else if err != nil {
				return nil, fmt.Errorf("reading what the agent has open: %w", err)
			}
			id, ok := programID(f)
			f.Close()
			if !ok {
				continue
			}
			if err := addRuns(found, id); err != nil {
				return nil, err
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the agent has loaded no programs for Go libraries")
	}
	return found, nil
}

// programID finds the number in what the kernel says of a descriptor, if that is
// a program's or a link's to one.
func programID(info io.Reader) (ebpf.ProgramID, bool) {
	for lines := bufio.NewScanner(info); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "prog_id:"); ok {
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			return ebpf.ProgramID(id), err == nil
		}
	}
	return 0, false
}

func addRuns(found map[uint32]runs, id ebpf.ProgramID) error {
	if _, ok := found[uint32(id)]; ok {
		return nil
	}
	p, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) {
		return nil // unloaded meanwhile
	} else if err != nil {
		return fmt.Errorf("opening a kernel program: %w", err)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return fmt.Errorf("asking for a kernel program: %w", err)
	}
	if !strings.HasPrefix(info.Name, goPrefix) {
		return nil
	}
	stats, err := p.Stats()
	if err != nil {
		return fmt.Errorf("asking how often %s ran: %w", info.Name, err)
	}
	found[uint32(id)] = runs{program: info.Name, count: stats.RunCount, time: stats.Runtime}
	return nil
}

// difference returns how often each program that ran did so between two readings,
// in the order of their names.
func difference(before, after map[uint32]runs) []runs {
	var all []runs
	for id, r := range after {
		r.count -= before[id].count
		r.time -= before[id].time
		if r.count > 0 {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b runs) int { return cmp.Compare(a.program, b.program) })
	return all
}
