package main

import (
	"bytes"
	"os"
	"strconv"
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

func TestStatusOfSettings(t *testing.T) {
	for _, c := range []struct{ key, value, says string }{
		{"THROUGHLINE_CAPTURE_BYTES", "511", "511 bytes"},
		{"THROUGHLINE_CAPTURE_BYTES", "4097", "4097 bytes"},
		{"THROUGHLINE_RING_BYTES", "5000", "5000 bytes"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "localhost", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"OTEL_TRACES_EXPORTER", "pigeon", "pigeon"},
		{"OTEL_BSP_MAX_QUEUE_SIZE", "many", "OTEL_BSP_MAX_QUEUE_SIZE"},
		{"THROUGHLINE_SPOOL_MAX_BYTES", "1GiB", "THROUGHLINE_SPOOL_MAX_BYTES"},
		{"THROUGHLINE_SPOOL_DIR", "/proc/spool", "opening the spool"},
		{"OTEL_RESOURCE_ATTRIBUTES", "a", "OTEL_RESOURCE_ATTRIBUTES"},
		{"OTEL_TRACES_SAMPLER", "sometimes", `OTEL_TRACES_SAMPLER="sometimes"`},
		{"OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote", "asks no server"},
		{"THROUGHLINE_SAMPLING_KEEP_SLOWER_THAN", "-1s", "-1s"},
		{"THROUGHLINE_SAMPLING_MAX_PER_SECOND", "-1", "-1 a second"},
		{"THROUGHLINE_SAMPLING_MAX_PER_SECOND", "NaN", "NaN a second"},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Setenv(c.key, c.value)
			var out, errs bytes.Buffer
			got := status([]string{"run", "--pid", strconv.Itoa(os.Getppid())}, &out, &errs)
			if said := errs.String(); got != exitUsage || !strings.Contains(said, c.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("%s=%s ends with %d: %s", c.key, c.value, got, said)
			}
		})
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndex(s, "\n")+1:]
}
