package e2e

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestSpool: the collector goes away, the agent is killed and started again, the collector comes back. Every request made
// while an agent ran arrives as one span, and the figures say where it was meanwhile.
func TestSpool(t *testing.T) {
	r := newRig(t)
	c := r.collector()
	s := pythonThreads.start(r, r.newDownstream().address())
	directory := r.path("spool")
	start := func() (*agent, func(string) int) {
		address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
		a := r.daemon([]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.grpc, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_BSP_SCHEDULE_DELAY=100",
		}, s, "--pid", number(s.pid()), "--spool", directory, "--metrics-addr", address)
		return a, r.figuresAt(address)
	}
	agent, figure := start()
	ask := r.newAsker(s.address)
	asks := func(n int) {
		for range n {
			ask.get("/ok", traced)
			ask.get("/status/500", fresh)
		}
	}
	asks(20)
	if !poll(10*time.Second, func() bool { return figure(`exported_spans_total{exporter="otlp"}`) == 40 }) {
		t.Fatalf("not all were exported while the collector was there: %s", agent.said())
	}
	c.end() // which writes what it has
	before := c.received(r)
	asks(100)
	if !poll(10*time.Second, func() bool { return figure(`spooled_spans{exporter="otlp"}`) == 200 }) {
		t.Fatalf("%d spans are in the spool, want 200: %s", figure(`spooled_spans{exporter="otlp"}`), agent.said())
	}
	agent.signal(syscall.SIGKILL)
	agent.wait(5 * time.Second)
	agent, figure = start()
	if found := figure(`spool_found_spans_total{exporter="otlp"}`); found != 200 {
		t.Errorf("%d spans were found in the spool, want 200", found)
	}
	asks(50)
	if err := os.Rename(c.output, r.path("before.jsonl")); err != nil {
		t.Fatal(err)
	}
	c.proc = r.start(command{args: c.cmd.Args})
	r.listening(c.proc, "tcp", c.grpc)
	if !poll(20*time.Second, func() bool { return figure(`exported_spans_total{exporter="otlp"}`) == 300 }) {
		t.Errorf("%d spans were exported since, want 300: %s", figure(`exported_spans_total{exporter="otlp"}`), agent.said())
	}
	agent.signal(syscall.SIGTERM)
	if status := agent.wait(5 * time.Second); status != 0 {
		t.Errorf("exit status %d: %s", status, agent.said())
	}
	c.end()
	ask.compare(filter(append(before, c.received(r)...), ofKind(server)))
	t.Logf("%d requests; the second agent's last line: %s", len(ask.asked), agent.lastLine())
}
