package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// A kernelTime is what the agent's kernel programs have done until some moment,
// in whatever process they ran.
type kernelTime struct {
	runs uint64
	time time.Duration
}

// timePrograms lets the kernel time every run of every program, which costs
// some 50 ns a run. Close ends it.
func timePrograms() (io.Closer, error) {
	c, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return nil, fmt.Errorf("timing kernel programs: %w", err)
	}
	return c, nil
}

// programTime sums up the programs that a process holds.
func programTime(pid int) (kernelTime, error) {
	var sum kernelTime
	ids, err := heldPrograms(pid)
	if err != nil {
		return sum, err
	}
	for id := range ids {
		if err := sum.add(id); err != nil {
			return sum, fmt.Errorf("reading the time of kernel program %d: %w", id, err)
		}
	}
	return sum, nil
}

func (k *kernelTime) add(id ebpf.ProgramID) error {
	p, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) { // it has just been unloaded
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	s, err := p.Stats()
	if err != nil {
		return err
	}
	k.runs += s.RunCount
	k.time += s.Runtime
	return nil
}

// heldPrograms finds the kernel programs that a process has descriptors of.
func heldPrograms(pid int) (map[ebpf.ProgramID]bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return nil, err
	}
	ids := map[ebpf.ProgramID]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the descriptor is closed by now
		}
		for line := range strings.Lines(string(text)) {
			value, ok := strings.CutPrefix(line, "prog_id:")
			if !ok {
				continue
			}
			if id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32); err == nil {
				ids[ebpf.ProgramID(id)] = true
			}
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("process %d holds no kernel programs", pid)
	}
	return ids, nil
}
