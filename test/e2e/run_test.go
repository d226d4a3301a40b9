package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemon starts `throughline run` and waits until it traces the process.
func (r *rig) daemon(env []string, s *service, args ...string) *agent {
	r.Helper()
	a := r.startAgentIn(env, "run", args...)
	if !a.awaitSaid(regexp.MustCompile(fmt.Sprintf(`msg=tracing pid=%d\b`, s.pid()))) {
		r.Fatalf("run does not trace process %d: %s", s.pid(), a.said())
	}
	return a
}

// collectorConfig receives OTLP and writes what came into a file.
const collectorConfig = `receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:%d" }
      http: { endpoint: "127.0.0.1:%d" }
exporters:
  file: { path: "%s" }
  file/metrics: { path: "%s" }
service:
  telemetry:
    metrics: { level: none }
  pipelines:
    traces: { receivers: [otlp], exporters: [file] }
    metrics: { receivers: [otlp], exporters: [file/metrics] }
`

// A collector is the OpenTelemetry Collector.
type collector struct {
	*proc
	grpc, http, output string
	metrics            string // the file that metrics go to
}

func (r *rig) collector() *collector {
	r.Helper()
	binary := filepath.Join(filepath.Dir(settings.binary), "otelcol")
	if _, err := os.Stat(binary); err != nil {
		r.Fatalf("there is no collector: make collector: %v", err)
	}
	grpc, http := r.freePort(), r.freePort()
	c := &collector{grpc: fmt.Sprintf("127.0.0.1:%d", grpc), http: fmt.Sprintf("127.0.0.1:%d", http),
		output: r.path("received.jsonl"), metrics: r.path("metrics.jsonl")}
	config := r.write("collector.yaml", fmt.Sprintf(collectorConfig, grpc, http, c.output, c.metrics))
	c.proc = r.start(command{args: []string{binary, "--config", config}})
	r.listening(c.proc, "tcp", c.grpc)
	r.listening(c.proc, "tcp", c.http)
	return c
}

// received are the spans that the collector wrote.
func (c *collector) received(r *rig) []span {
	r.Helper()
	text, err := os.ReadFile(c.output)
	if err != nil {
		return nil // nothing came yet
	}
	spans, err := parseSpans(string(text))
	if err != nil {
		r.Fatal(err)
	}
	return spans
}

// TestCollector: a real collector receives, over both transports, what the agent
// prints.
func TestCollector(t *testing.T) {
	for protocol, endpoint := range map[string]func(*collector) string{
		"grpc":          func(c *collector) string { return c.grpc },
		"http/protobuf": func(c *collector) string { return c.http },
	} {
		t.Run(protocol, func(t *testing.T) {
			r := newRig(t)
			c := r.collector()
			s := pythonThreads.start(r, r.newDownstream().address())
			agent := r.daemon([]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + endpoint(c),
				"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol,
				"OTEL_TRACES_EXPORTER=otlp,json", "OTEL_BSP_SCHEDULE_DELAY=200",
				"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test",
			}, s, "--pid", number(s.pid()))
			ask := r.newAsker(s.address)
			for i := range 50 {
				ask.get("/ok", traced)
				ask.get("/status/500", fresh)
				ask.get(fmt.Sprintf("/call/%d", i))
			}
			if !poll(10*time.Second, func() bool { return len(c.received(r)) >= 50 }) {
				t.Errorf("%d spans had come while run was running: %s", len(c.received(r)), agent.said())
			}
			agent.signal(syscall.SIGTERM)
			if status := agent.wait(5 * time.Second); status != 0 {
				t.Errorf("exit status %d: %s", status, agent.said())
			}
			printed := agent.spans()
			poll(5*time.Second, func() bool { return len(c.received(r)) >= len(printed) })
			ask.compare(filter(printed, ofKind(server)))
			same(t, c.received(r), printed)
			for _, s := range printed {
				if s.Resource["deployment.environment.name"] != "test" || s.Resource["telemetry.sdk.name"] == "" ||
					s.Resource["host.name"] == "" || s.Resource["os.type"] != "linux" || s.Resource["service.instance.id"] == "" {
					t.Errorf("the resource is %v", s.Resource)
					break
				}
			}
		})
	}
}

// same compares spans from two ways out of the agent.
func same(t *testing.T, received, printed []span) {
	t.Helper()
	if len(received) != len(printed) {
		t.Errorf("%d spans were received and %d printed", len(received), len(printed))
	}
	byID := map[string]span{}
	for _, s := range printed {
		byID[s.Trace+s.ID] = s
	}
	for _, s := range received {
		p, ok := byID[s.Trace+s.ID]
		if !ok || s.String() != p.String() || !s.Start.Equal(p.Start) || !s.End.Equal(p.End) || s.Name != p.Name ||
			s.Status != p.Status || !maps.Equal(s.Attributes, p.Attributes) || !maps.Equal(s.Resource, p.Resource) {
			t.Errorf("received %s\nand printed %s", s, p)
			return
		}
	}
}

// TestCollectorDown: run says once that nobody takes its spans, and still ends
// in good order and time.
func TestCollectorDown(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, address := range map[string]string{"refused": "127.0.0.1:9", "silent": silent.Addr().String()} {
		for _, protocol := range []string{"grpc", "http/protobuf"} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				r := newRig(t)
				s := goNet.start(r, "")
				agent := r.daemon([]string{
					"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + address, "OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol,
					"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_EXPORTER_OTLP_TIMEOUT=1000",
				}, s, "--pid", number(s.pid()))
				ask := r.newAsker(s.address)
				said := regexp.MustCompile(`level=WARN .*(export|spans)`)
				if !poll(15*time.Second, func() bool { ask.get("/ok"); return said.MatchString(agent.said()) }) {
					t.Errorf("nothing is said of a collector that is down: %s", agent.said())
				}
				for range 100 {
					ask.get("/ok")
				}
				began := time.Now()
				agent.signal(syscall.SIGTERM)
				if status := agent.wait(6 * time.Second); status != 0 || time.Since(began) > 5*time.Second {
					t.Errorf("exit status %d after %s: %s", status, time.Since(began), agent.said())
				}
				if n := len(said.FindAllString(agent.said(), -1)); n > 2 {
					t.Errorf("%d lines say that the collector is down: %s", n, agent.said())
				}
				if !regexp.MustCompile(`lost: .*\d`).MatchString(agent.lastLine()) {
					t.Errorf("the last line does not tell of the loss: %s", agent.lastLine())
				}
			})
		}
	}
}

// TestSecondSignal: who cannot wait for the drain signals again.
func TestSecondSignal(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			r := newRig(t)
			target := goNet.start(r, "")
			agent := r.daemon([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent.Addr().String(),
				"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, target, "--pid", number(target.pid()))
			r.newAsker(target.address).get("/ok")
			time.Sleep(300 * time.Millisecond)
			agent.signal(s)
			time.Sleep(300 * time.Millisecond)
			if !agent.running() {
				t.Fatalf("the drain was over before a second signal: %s", agent.said())
			}
			began := time.Now()
			agent.signal(s)
			agent.wait(6 * time.Second)
			if took := time.Since(began); agent.running() || took > time.Second {
				t.Errorf("the second signal took %s", took)
			}
		})
	}
}

// TestDiscovery: run finds targets that come after it, by port and by name.
func TestDiscovery(t *testing.T) {
	r := newRig(t)
	port := r.freePort()
	config := r.write("throughline.yaml", fmt.Sprintf("ports: [%d]\nexes: ['late-*']\n", port))
	agent := r.startAgentIn([]string{"OTEL_TRACES_EXPORTER=json"}, "run", "--config", config)
	time.Sleep(time.Second) // it has nothing to say yet
	late := filepath.Join(r.dir, "late-shop")
	copyFile(r, builtService(r), late)
	byPort := r.goService(builtService(r), "", fmt.Sprintf("127.0.0.1:%d", port))
	byName := r.goService(late, "", "")
	for _, s := range []*service{byPort, byName} {
		if !agent.awaitSaid(regexp.MustCompile(fmt.Sprintf(`msg=tracing pid=%d\b`, s.pid()))) {
			t.Fatalf("process %d is not found: %s", s.pid(), agent.said())
		}
	}
	ask := r.newAsker(byPort.address)
	for _, s := range []*service{byPort, byName} {
		ask.base = "http://" + s.address
		for range 10 {
			ask.get("/ok", traced)
		}
	}
	agent.await(20, ofKind(server))
	ask.compare(agent.stop())
}

// TestMetrics reads the agent's own figures.
func TestMetrics(t *testing.T) {
	r := newRig(t)
	s := goNet.start(r, "")
	address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
	agent := r.daemon([]string{"OTEL_TRACES_EXPORTER=json"}, s, "--pid", number(s.pid()), "--metrics-addr", address)
	ask := r.newAsker(s.address)
	for range 25 {
		ask.get("/ok")
	}
	agent.await(25, ofKind(server))
	metrics := r.newAsker(address).get("/metrics")
	if metrics.status != 200 || !regexp.MustCompile(`(?m)^throughline_\w*spans\w*(\{.*\})? 25$`).MatchString(metrics.body) ||
		!strings.Contains(metrics.body, "ring_full") {
		t.Errorf("the figures are %d:\n%s", metrics.status, metrics.body)
	}
	agent.stop()
}
