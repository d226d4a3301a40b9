package doctor

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/process/runtime/golang"
)

// Target is what was found about one process.
type Target struct {
	PID            int      `json:"pid"`
	Service        string   `json:"service"`
	Owner          string   `json:"owner"`
	Executable     string   `json:"executable"`
	Deleted        bool     `json:"executable_deleted,omitempty"`
	Machine        string   `json:"machine,omitempty"`
	Runtime        string   `json:"runtime"`
	RuntimeVersion string   `json:"runtime_version,omitempty"`
	Libraries      []string `json:"libraries"`
	Threads        int      `json:"threads"`
	Container      string   `json:"container,omitempty"`
	OwnPIDs        bool     `json:"own_pid_namespace"`
	OwnNet         bool     `json:"own_net_namespace"`
	Cgroup         string   `json:"cgroup"`
	Listening      []string `json:"listening"`
	Connections    int      `json:"connections"`
	UnixSockets    int      `json:"unix_sockets"`
	// Go is what was found in its executable; nil if that is no Go program, or cannot
	// be read.
	Go *GoProgram `json:"go,omitempty"`
	// SDK tells by what an OpenTelemetry SDK was recognised, "" when none was.
	SDK string `json:"opentelemetry_sdk,omitempty"`
	// Sources are what would attach.
	Sources []string `json:"sources"`
	// Injection says whether its requests would get a traceparent header.
	Injection bool `json:"injection"`
	// Reasons are sentences: why it may show nothing, or less than expected.
	Reasons []string `json:"reasons"`

	is64   bool
	probed bool // Go libraries would be probed
}

func examineTarget(p *process.Process, r *Report) (*Target, error) {
	sockets, err := p.Sockets()
	if err != nil {
		return nil, err
	}
	t := &Target{
		PID: p.PID, Service: p.ServiceName(), Owner: p.Owner, Executable: p.Executable, Deleted: p.Deleted,
		Runtime: p.Runtime.Kind, RuntimeVersion: p.Runtime.Version, Libraries: interesting(p.Libraries),
		Threads: p.ThreadCount, Container: p.ContainerID, Cgroup: p.Cgroup, Listening: []string{}, Sources: []string{}, Reasons: []string{},
	}
	if self, err := process.Read(os.Getpid()); err == nil {
		t.OwnPIDs = self.Namespaces.PID != p.Namespaces.PID
		t.OwnNet = self.Namespaces.Net != p.Namespaces.Net
	}
	t.countSockets(sockets)
	t.readMachine(p)
	descriptors := openDescriptors(p)
	t.SDK = recogniseSDK(p, descriptors)
	if r.Flavour != "" {
		t.Sources = append(t.Sources, r.Flavour)
	}
	if p.Runtime.Kind == "go" {
		t.describeGoroutines(p)
		t.describeLibraries(p, r)
	}
	t.Injection = r.Injection && isOwnCgroup(p)
	t.Reasons = append(t.Reasons, t.reasons(p, r, sockets, descriptors)...)
	return t, nil
}

// interesting lists the libraries that decide what can be seen of a process.
func interesting(libraries []process.Library) []string {
	prefixes := []string{"libssl", "libcrypto", "libgnutls", "libnss3", "libnspr4", "libmbedtls", "libwolfssl", "libs2n",
		"liburing", "libnghttp2", "libcurl", "libgrpc", "libjvm", "libnode", "libpython", "libruby", "libcoreclr"}
	out := []string{}
	for _, l := range libraries {
		base := path.Base(l.Path)
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(base, p) }) {
			out = append(out, base)
		}
	}
	return out
}

func (t *Target) countSockets(sockets []process.Socket) {
	for _, s := range sockets {
		switch {
		case s.Listening && s.Unix:
			t.Listening = append(t.Listening, "unix:"+s.Path)
		case s.Listening:
			t.Listening = append(t.Listening, s.Local.String())
		case s.Unix:
			t.UnixSockets++
		default:
			t.Connections++
		}
	}
}

func (t *Target) readMachine(p *process.Process) {
	f, err := elf.Open(p.ExecutableHandle())
	if err != nil {
		t.is64 = true // not known to be otherwise
		return
	}
	defer f.Close()
	t.is64 = f.Class == elf.ELFCLASS64
	t.Machine = strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
}

// describeGoroutines says whether requests can be followed by goroutine.
func (t *Target) describeGoroutines(p *process.Process) {
	_, _, err := golang.GoroutineOffsetsOf(p.ExecutableHandle())
	switch {
	case err == nil:
		t.Sources = append(t.Sources, "goroutines")
	case errors.Is(err, golang.ErrUnknown):
		t.Reasons = append(t.Reasons, fmt.Sprintf("The outgoing requests of this Go program are not joined to those it serves (%v): build it without -ldflags=-s, or take a newer throughline.", err))
	}
}

// isOwnCgroup says whether a program at the process's cgroup would spare all
// others: the root of the hierarchy is everybody's.
func isOwnCgroup(p *process.Process) bool {
	return p.CgroupDir != "" && p.Cgroup != "/"
}
