package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// text is a process's instructions as they are in its memory, by the address of
// each mapping of its executable from which it can run and to which it cannot write.
type text map[uint64][]byte

// text reads the process's memory. A breakpoint that somebody set is in it.
func (p *proc) text() (text, error) {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid()))
	if err != nil {
		return nil, err
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.pid()))
	if err != nil {
		return nil, err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.pid()))
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	found := text{}
	for line := range strings.Lines(string(maps)) {
		if !strings.Contains(line, " r-xp ") || !strings.HasSuffix(line, " "+exe+"\n") {
			continue
		}
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x ", &from, &to); err != nil {
			return nil, fmt.Errorf("parsing %q: %w", line, err)
		}
		found[from] = make([]byte, to-from)
		if _, err := memory.ReadAt(found[from], int64(from)); err != nil {
			return nil, fmt.Errorf("reading the mapping at %#x: %w", from, err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("looking for the text of %s: nothing of it is executable", exe)
	}
	return found, nil
}

func (t text) bytes() int {
	n := 0
	for _, b := range t {
		n += len(b)
	}
	return n
}

// differs counts the bytes that are not the same, a mapping that only one of the
// two has in full.
func (t text) differs(other text) int {
	n := 0
	for from, b := range t {
		o := other[from]
		if bytes.Equal(b, o) {
			continue
		}
		if len(o) != len(b) {
			n += len(b) + len(o)
			continue
		}
		for i := range b {
			if b[i] != o[i] {
				n++
			}
		}
	}
	for from, o := range other {
		if _, ok := t[from]; !ok {
			n += len(o)
		}
	}
	return n
}
