// Package otelcol runs the OpenTelemetry Collector that `make collector` builds, for tests: what the exporters send is
// read by receivers that nobody here wrote, and handed back as plain values.
package otelcol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Collector is one that runs until the test ends.
type Collector struct {
	file string
	log  logged
}

// Start runs a collector with one receiver, whose settings are YAML in one line, and waits until it is ready.
func Start(t testing.TB, receiver, settings string, flags ...string) *Collector {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(filepath.Dir(here), "..", "..", "..", "bin", "otelcol")
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("no collector to send to: %v (run make collector)", err)
	}
	dir := t.TempDir()
	c := &Collector{file: filepath.Join(dir, "spans.jsonl")}
	config := fmt.Sprintf(`
receivers: {%s: %s}
exporters: {file: {path: %q, flush_interval: 20ms}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [%s], exporters: [file]}}
`, receiver, settings, c.file, receiver)
	path := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, append([]string{"--config", path}, flags...)...)
	// The receiver for X-Ray forwards what is no segment to Amazon and wants to know who it is; it sends nothing here.
	command.Env = append(os.Environ(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
		"AWS_EC2_METADATA_DISABLED=true")
	command.Stdout, command.Stderr = &c.log, &c.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the collector said:\n%s", c.log.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(c.log.String(), "Everything is ready"); {
		select {
		case <-ended:
			t.Fatal("the collector ended")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the collector is not ready after 30 s")
		}
	}
	return c
}

// logged keeps what the collector says.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// FreePort is a port that nobody listened on a moment ago, on 127.0.0.1, for TCP and UDP.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Spans waits until n spans have come and returns them all, by their ids. More than n fail the test.
func (c *Collector) Spans(t testing.TB, n int) []Span {
	t.Helper()
	var spans []Span
	var err error
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		spans, err = read(c.file)
		if err == nil && len(spans) >= n {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d spans of %d came: %v", len(spans), n, err)
		}
	}
	if len(spans) > n {
		t.Fatalf("%d spans came, %d were sent", len(spans), n)
	}
	slices.SortFunc(spans, func(a, b Span) int { return strings.Compare(a.Trace+a.ID, b.Trace+b.ID) })
	return spans
}

// read reads what the file exporter has written: OTLP JSON, an object a line.
func read(path string) ([]Span, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Span
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue // it is being written
		}
		var data tracesData
		if err := json.Unmarshal(line, &data); err != nil {
			return nil, fmt.Errorf("reading %.300q: %w", line, err)
		}
		all = append(all, data.spans()...)
	}
	return all, nil
}
