package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU returns the processor time that everything in the stage's cgroup has
// used. The kernel keeps it also where no cgroup controller is enabled.
func (s *Stage) CPU() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(s.cgroup, "cpu.stat"))
	if err != nil {
		return 0, fmt.Errorf("reading the cgroup's processor time: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the cgroup's processor time: %w", err)
			}
			return time.Duration(n) * time.Microsecond, nil
		}
	}
	return 0, fmt.Errorf("reading the cgroup's processor time: %s/cpu.stat has no usage_usec", s.cgroup)
}

// PeakMemory returns the most memory, in bytes, that the program has held.
func (p *Program) PeakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("reading the memory of %s: it has ended", p.name)
}
