package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestExportersOfTheFile: run sends to every exporter that the configuration names, with the settings that are there or
// in a variable: each has all spans.
func TestExportersOfTheFile(t *testing.T) {
	r := newRig(t)
	c := r.collector()
	s := pythonThreads.start(r, r.newDownstream().address())
	lines, picture := r.path("spans.jsonl"), r.path("trace.json")
	config := r.write("throughline.yaml", fmt.Sprintf(
		"pids: [%d]\nexporters:\n  otlp: {endpoint: 'http://%s', protocol: grpc, compression: gzip}\n  chrome: {path: %q}\n  otlpjsonfile:\n",
		s.pid(), c.grpc, picture))
	agent := r.daemon([]string{"THROUGHLINE_EXPORTERS_OTLPJSONFILE_PATH=" + lines}, s, "--config", config)
	ask := r.newAsker(s.address)
	for i := range 20 {
		ask.get("/ok", traced)
		ask.get(fmt.Sprintf("/call/%d", i))
	}
	agent.signal(syscall.SIGTERM)
	if status := agent.wait(10 * time.Second); status != 0 {
		t.Errorf("exit status %d: %s", status, agent.said())
	}
	text, err := os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	written, err := parseSpans(string(text))
	if err != nil {
		t.Fatal(err)
	}
	ask.compare(filter(written, ofKind(server)))
	poll(5*time.Second, func() bool { return len(c.received(r)) >= len(written) })
	same(t, c.received(r), written)
	if text, err = os.ReadFile(picture); err != nil {
		t.Fatal(err)
	}
	var elements []struct {
		Ph   string
		Args struct {
			ID string `json:"span_id"`
		}
	}
	if err := json.Unmarshal(text, &elements); err != nil {
		t.Fatalf("%v in %s", err, tail(string(text), 500))
	}
	slices := map[string]bool{}
	for _, e := range elements {
		if e.Ph == "X" {
			slices[e.Args.ID] = true
		}
	}
	for _, s := range written {
		if !slices[s.ID] {
			t.Errorf("no slice is %s", s)
		}
	}
	if len(slices) != len(written) {
		t.Errorf("%d slices for %d spans", len(slices), len(written))
	}
}
