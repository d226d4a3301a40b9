package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// list returns the packages of this module, with paths below it.
func list(t *testing.T) []Package {
	t.Helper()
	run := func(args ...string) string {
		out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
		if err != nil {
			t.Fatalf("listing packages: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	module := run("-m")
	relative := func(paths []string) {
		for i, p := range paths {
			paths[i] = strings.TrimPrefix(p, module+"/")
		}
	}
	var all []Package
	for d := json.NewDecoder(strings.NewReader(run("-e", "-json=ImportPath,Doc,Imports,Deps", module+"/..."))); ; {
		var p Package
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading the list of packages: %v", err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module+"/")
		relative(p.Imports)
		relative(p.Deps)
		all = append(all, p)
	}
}

func TestImportRules(t *testing.T) {
	packages := list(t)
	if len(packages) < 20 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for _, what := range Check(Rules(), packages) {
		t.Error(what)
	}
}

// Each rule has to find what it is there for, and nothing else in the same place.
func TestImportRulesCanFail(t *testing.T) {
	tests := map[string][]struct{ bad, good Package }{
		"against the data": {
			{imports("probes", "correlate"), imports("correlate", "probes/event")},
			{imports("correlate/flow", "correlate/protocol/http1"), imports("correlate/protocol/http1", "correlate/flow")},
			{imports("correlate/protocol/http1", "correlate"), imports("correlate", "correlate/protocol/http1")},
			{imports("correlate/protocol/http1", "correlate/library/nethttp"), imports("correlate/protocol/http1", "correlate/httpspan")},
			{imports("correlate/httpspan", "correlate/library/nethttp"), imports("correlate/library/nethttp", "correlate/httpspan")},
			{imports("correlate", "export"), imports("cmd/agent", "export")},
		},
		"only by its output": {
			{imports("correlate", "probes"), imports("correlate", "probes/process")},
			{imports("correlate/flow", "bpf"), imports("correlate/flow", "bpf/abi")},
		},
		"exporters stand alone": {
			{imports("export/otlp", "correlate"), imports("export/otlp", "internal/telemetry")},
		},
		"siblings": {
			{imports("export/otlp", "export/waterfall"), imports("export/otlp", "export/text")},
			{imports("export/text", "export/spans"), imports("export", "export/spans")},
			{imports("correlate/protocol/http1", "correlate/protocol/redis"), imports("correlate/protocol/http1/deep", "correlate/protocol/http1")},
			{imports("correlate/library/nethttp", "correlate/library/grpc"), imports("correlate/library/nethttp", "correlate/library")},
			{imports("probes/process/runtime/java", "probes/process/runtime/node"), imports("probes/process/runtime/java", "probes/process/runtime")},
		},
		"parsers and libraries": {
			{imports("correlate/library/nethttp", "correlate/protocol/http1"), imports("correlate/library/nethttp", "correlate/flow")},
		},
		"nobody imports cmd": {
			{imports("probes", "cmd/agent/doctor"), imports("cmd/agent", "cmd/agent/doctor")},
		},
		"nobody imports test or make": {
			{imports("cmd/agent", "test/stage"), imports("test/demo", "test/stage")},
			{imports("test/e2e", "make/report"), imports("make/report", "make/log")},
		},
		"internal is below": {
			{imports("internal/telemetry", "export"), imports("internal/telemetry", "internal/buildinfo")},
		},
		"pure": {
			{imports("correlate", "github.com/cilium/ebpf/ringbuf"), imports("probes", "github.com/cilium/ebpf/ringbuf")},
			{imports("bpf/abi", "github.com/cilium/ebpf"), imports("bpf/abi/generate/x", "go/format")},
		},
		"names": {
			{imports("internal/utils"), imports("internal/config")},
		},
		"package comment": {
			{Package{ImportPath: "probes"}, imports("probes")},
		},
	}
	for _, rule := range Rules() {
		cases := tests[rule.Name]
		if len(cases) == 0 {
			t.Errorf("nothing shows that rule %q can fail", rule.Name)
		}
		if rule.Reason == "" {
			t.Errorf("rule %q has no reason", rule.Name)
		}
		for _, c := range cases {
			if len(Check([]Rule{rule}, []Package{c.bad})) == 0 {
				t.Errorf("rule %q does not find %s importing %v", rule.Name, c.bad.ImportPath, c.bad.Imports)
			}
			if found := Check([]Rule{rule}, []Package{c.good}); len(found) > 0 {
				t.Errorf("rule %q is too strict: %v", rule.Name, found)
			}
		}
	}
}

// imports is a package that imports others and breaks no other rule.
func imports(pkg string, others ...string) Package {
	return Package{ImportPath: pkg, Doc: "Package x does y.", Imports: others, Deps: others}
}
