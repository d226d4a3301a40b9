package doctor

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/process/runtime"
)

func TestExamineProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "DOCTOR_TEST_CHILD=1", "OTEL_SERVICE_NAME=shop", "OTEL_RESOURCE_ATTRIBUTES=broken")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()

	r, err := Examine(context.Background(), Options{PID: cmd.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	if r.Problem != "" || r.Target == nil {
		t.Fatalf("not examined: %q", r.Problem)
	}
	got := r.Target
	if got.Service != "shop" || got.Runtime != "go" || got.Executable != self || got.OwnPIDs || got.OwnNet {
		t.Errorf("got %+v", got)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"service name", "shop", "holds no TCP or Unix stream socket", "OTEL_RESOURCE_ATTRIBUTES is ignored", "Only HTTP/1.x in plain text"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}

func TestExamineNoProcess(t *testing.T) {
	r, err := Examine(context.Background(), Options{PID: 1 << 30})
	if err != nil || r.Usable() || r.Problem != "no process 1073741824" || len(r.Checks) == 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestRecogniseSDK(t *testing.T) {
	tests := []struct {
		name        string
		p           process.Process
		descriptors []string
		want        bool
	}{
		{"nothing", process.Process{Args: []string{"java", "-jar", "shop.jar"}}, []string{"/dev/null", "socket:[1]"}, false},
		{"Java agent", process.Process{Args: []string{"java", "-javaagent:/otel/opentelemetry-javaagent.jar"}}, nil, true},
		{"other Java agent", process.Process{Args: []string{"java", "-javaagent:/x/jmx.jar"}}, nil, false},
		{"agent by environment", process.Process{}, []string{"/otel/opentelemetry-javaagent.jar"}, true},
		{"Python", process.Process{Args: []string{"python", "/usr/bin/opentelemetry-instrument", "flask"}}, nil, true},
		{"Node", process.Process{Args: []string{"node", "--require", "@opentelemetry/auto-instrumentations-node/register"}}, nil, true},
		{"library", process.Process{Libraries: []process.Library{{Path: "/lib/libopentelemetry_trace.so"}}}, nil, true},
		{"environment", process.Process{Env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}}, nil, true},
		{"name alone", process.Process{Env: map[string]string{"OTEL_SERVICE_NAME": "x"}}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.p.Runtime = &runtime.Runtime{}
			if got := recogniseSDK(&tt.p, tt.descriptors); (got != "") != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	listening := process.Socket{Listening: true, Local: netip.MustParseAddrPort("0.0.0.0:8443")}
	tests := []struct {
		name        string
		target      Target
		p           process.Process
		sockets     []process.Socket
		descriptors []string
		want        string
	}{
		{"32-bit", Target{}, process.Process{}, nil, nil, "32-bit"},
		{"no socket", Target{is64: true}, process.Process{}, nil, nil, "no TCP or Unix stream socket"},
		{"client", Target{is64: true}, process.Process{}, []process.Socket{{}}, nil, "listens on no socket"},
		{"port", Target{is64: true, Listening: []string{"x"}}, process.Process{}, []process.Socket{listening}, nil, "Port 8443 usually speaks TLS"},
		{"TLS", Target{is64: true, Libraries: []string{"libssl.so.3"}}, process.Process{}, nil, nil, "libssl.so.3"},
		{"io_uring", Target{is64: true}, process.Process{}, nil, []string{"anon_inode:[io_uring]"}, "io_uring"},
		{"SDK", Target{is64: true, SDK: "its command line"}, process.Process{}, nil, nil, "are shown here as well"},
		{"probed SDK", Target{is64: true, SDK: "a module", Go: &GoProgram{SDK: true}}, process.Process{}, nil, nil, "is not shown once more"},
		{"root cgroup", Target{is64: true}, process.Process{Cgroup: "/", CgroupDir: "/cg"}, nil, nil, "root cgroup"},
		{"foreign cgroup", Target{is64: true}, process.Process{Cgroup: "/../x"}, nil, nil, "outside the hierarchy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Report{Flavour: "tracepoint", Injection: true}
			got := strings.Join(tt.target.reasons(&tt.p, r, tt.sockets, tt.descriptors), "\n")
			if !strings.Contains(got, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, got)
			}
		})
	}
}
