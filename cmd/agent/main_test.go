package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		line string
		want int
		says string
	}{
		{"version", exitDone, "throughline"},
		{"--help", exitDone, "throughline trace"},
		{"trace --help", exitDone, "--"},
		{"", exitUsage, "no command is given"},
		{"watch", exitUsage, `no command is called "watch"`},
		{"trace", exitUsage, "nothing to trace"},
		{"trace --pdi 1", exitUsage, "-pdi"},
		{"trace --pid one", exitUsage, "not a number"},
		{"trace --pid -4", exitUsage, "-4"},
		{"trace --port 99999", exitUsage, "99999"},
		{"trace --pid 1 -o dot", exitUsage, "-o dot"},
		{"trace --pid 1 --count -1", exitUsage, "negative"},
		{"trace --pid 4194304", exitError, "4194304"},
		{"trace --exe /no/such/program", exitError, "/no/such/program"},
		{"trace --pid 1 --config /no/such/file", exitUsage, "/no/such/file"},
		{"run", exitUsage, "nothing to trace"},
		{"run --pid 1 more", exitUsage, `"more"`},
		{"doctor -o yaml", exitUsage, "-o yaml"},
		{"doctor --pdi 1", exitUsage, "-pdi"},
		{"doctor --pid one", exitUsage, "one"},
		{"doctor --help", exitDone, "usage: throughline doctor"},
		{"doctor more", exitUsage, `"more"`},
	} {
		var out, errs bytes.Buffer
		got := status(strings.Fields(c.line), &out, &errs)
		if got != c.want {
			t.Errorf("%q ends with %d, want %d: %s", c.line, got, c.want, errs.String())
		}
		if said := out.String() + errs.String(); !strings.Contains(said, c.says) {
			t.Errorf("%q says %q, want %q in it", c.line, said, c.says)
		}
		if c.want == exitUsage && c.line != "" && strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%q says more than one sentence: %q", c.line, errs.String())
		}
		if c.want != exitDone && strings.Count(strings.TrimSpace(lastLine(errs.String())), "\n") != 0 {
			t.Errorf("%q says more than one sentence: %q", c.line, errs.String())
		}
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndex(s, "\n")+1:]
}
