package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv("DOCTOR_TEST_CHILD") != "" {
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent closes it
		return
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if left := kernelObjects(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left open:", left)
		code = 1
	}
	os.Exit(code)
}

// kernelObjects lists the programs, maps, links and probes that this process holds.
func kernelObjects() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var out []string
	for _, e := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if strings.Contains(link, "bpf") || strings.Contains(link, "perf_event") {
			out = append(out, link)
		}
	}
	return out
}

func needRoot(t *testing.T, h *host) {
	t.Helper()
	if !h.mayTry() {
		t.Skip("not privileged: loading programs needs " + triesWith)
	}
}

// TestHostAbilities asserts each ability that this kernel must have, by what it
// was built with.
func TestHostAbilities(t *testing.T) {
	h := readHost()
	needRoot(t, h)
	r, err := Examine(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"ring_buffer": h.atLeast("5.8"), "sockops": h.config["CONFIG_CGROUP_BPF"],
		"uprobe": h.config["CONFIG_UPROBE_EVENTS"], "uprobe_multi": h.config["CONFIG_UPROBES"] && h.atLeast("6.6"),
		"syscall_tracepoint": h.config["CONFIG_FTRACE_SYSCALLS"] && h.tracefs != "",
		"sk_msg":             h.config["CONFIG_BPF_STREAM_PARSER"], "sockhash": h.config["CONFIG_BPF_STREAM_PARSER"],
		"task_pt_regs": h.atLeast("5.15") && h.btf, "tp_btf_sock": declared(t, "btf_trace_sock_send_length"),
		"tp_btf_life": declared(t, "btf_trace_tcp_destroy_sock"),
	}
	for key, must := range want {
		c, ok := r.Check(key)
		switch {
		case !ok:
			t.Errorf("%s is not tried", key)
		case must && c.Status != OK:
			t.Errorf("%s is %s (%s), and this kernel has it", key, c.Status, c.Detail)
		}
	}
	for _, c := range r.Checks {
		t.Logf("%s: %s %s", c.Key, c.Status, c.Detail)
		if (c.Status == Refused || c.Status == Missing) && !strings.HasPrefix(c.Cure, c.Name+": ") {
			t.Errorf("%s is %s without a sentence: %q", c.Key, c.Status, c.Cure)
		}
		if c.Status == OK && c.Cure != "" {
			t.Errorf("%s is fine, and yet: %q", c.Key, c.Cure)
		}
	}
	if c, _ := r.Check("kprobe"); h.config != nil && !h.config["CONFIG_KPROBES"] && (c.Status != Missing || !strings.Contains(c.Cure, "CONFIG_KPROBES")) {
		t.Errorf("kprobes without CONFIG_KPROBES: %+v", c)
	}
	if want["tp_btf_sock"] && want["task_pt_regs"] && r.Flavour != "tracepoint" {
		t.Errorf("flavour %q, want the socket tracepoints", r.Flavour)
	}
	if r.Usable() != (r.Flavour != "") {
		t.Errorf("usable %v with flavour %q", r.Usable(), r.Flavour)
	}
}

// declared says whether the kernel's BTF has a type.
func declared(t *testing.T, name string) bool {
	t.Helper()
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return false
	}
	_, err = spec.AnyTypesByName(name)
	return err == nil
}

func TestUnprivileged(t *testing.T) {
	h := readHost()
	h.capabilities = 0
	r, err := examineHost(context.Background(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials() {
		if c, _ := r.Check(trial.key); c.Status != Untried {
			t.Errorf("%s is %s without privileges", trial.key, c.Status)
		}
	}
	if r.Usable() {
		t.Error("usable without privileges")
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NOT TRIED", "CAP_BPF", "run throughline doctor as root", "nothing could be tried"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
}

func TestExplain(t *testing.T) {
	all := ^uint64(0)
	kprobe, sock, syscalls := trialOf(t, "kprobe"), trialOf(t, "tp_btf_sock"), trialOf(t, "syscall_tracepoint")
	tests := []struct {
		name   string
		trial  trial
		host   host
		err    error
		status Status
		cause  string
	}{
		{"build option", kprobe, host{capabilities: all, config: kernelConfig{"CONFIG_X": true}}, unix.ENOENT, Missing, "the kernel was built without CONFIG_KPROBES"},
		{"old kernel", sock, host{capabilities: all, release: "6.1.0-9"}, unix.ESRCH, Missing, "it came with kernel 6.3 and this is 6.1.0-9"},
		{"tracefs", syscalls, host{capabilities: all}, unix.ENOENT, Missing, "tracefs is not mounted"},
		{"capability", kprobe, host{}, unix.EPERM, Refused, "the kernel asks for CAP_SYS_ADMIN too"},
		{"policy", kprobe, host{capabilities: all}, unix.EPERM, Refused, "a security policy of this kernel forbids it to all, whatever their capabilities"},
		{"no such thing", kprobe, host{capabilities: all}, unix.ENOENT, Missing, "this kernel does not have it"},
		{"unknown", kprobe, host{capabilities: all}, unix.EIO, Refused, "the kernel said: input/output error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, cause, cure := tt.trial.explain(&tt.host, tt.err)
			if status != tt.status || cause != tt.cause || cure == "" {
				t.Errorf("got %s, %q, %q", status, cause, cure)
			}
		})
	}
}

func trialOf(t *testing.T, key string) trial {
	t.Helper()
	for _, trial := range trials() {
		if trial.key == key {
			return trial
		}
	}
	t.Fatalf("no trial %s", key)
	return trial{}
}

// TestDecideByTrying: a flavour whose programs the kernel refuses is passed over.
func TestDecideByTrying(t *testing.T) {
	r := &Report{}
	for _, key := range []string{"btf", "ring_buffer", "read_kernel", "tp_btf_sock", "tp_btf_life", "task_pt_regs", "fentry"} {
		r.Checks = append(r.Checks, Check{Key: key, Status: OK})
	}
	r.decide(func(name string) error {
		if name == "tracepoint" {
			return errors.New("no room")
		}
		return nil
	})
	if c, _ := r.Check("flavour_tracepoint"); r.Flavour != "fentry" || c.Status != Refused || c.Detail != "no room" {
		t.Errorf("flavour %q, check %+v", r.Flavour, c)
	}
}

func TestDecide(t *testing.T) {
	all := []string{"btf", "ring_buffer", "read_kernel", "tp_btf_sock", "tp_btf_life", "task_pt_regs", "fentry", "kprobe", "syscall_tracepoint"}
	tests := []struct {
		without string
		want    string
	}{
		{"", "tracepoint"}, {"task_pt_regs", "fentry"}, {"tp_btf_sock fentry", "kprobe"},
		{"tp_btf_sock fentry kprobe", "syscall"}, {"tp_btf_sock fentry kprobe syscall_tracepoint", ""}, {"ring_buffer", ""},
	}
	for _, tt := range tests {
		r := &Report{}
		for _, key := range all {
			c := Check{Key: key, Status: OK}
			if strings.Contains(" "+tt.without+" ", " "+key+" ") {
				c.Status, c.Cure = Missing, "x: y"
			}
			r.Checks = append(r.Checks, c)
		}
		if r.decide(nil); r.Flavour != tt.want {
			t.Errorf("without %q: %q, want %q", tt.without, r.Flavour, tt.want)
		}
	}
}

func TestInferLockdown(t *testing.T) {
	h := &host{capabilities: ^uint64(0)}
	for want, denied := range map[string]string{"none": "", "integrity": "write_user", "confidentiality": "read_kernel"} {
		r := &Report{Checks: []Check{{Key: "lockdown"}, {Key: "read_kernel", Status: OK}, {Key: "write_user", Status: OK}}}
		for i := range r.Checks {
			if r.Checks[i].Key == denied {
				r.Checks[i].Status = Refused
			}
		}
		r.inferLockdown(h)
		if got := r.Checks[0].Detail; !strings.HasPrefix(got, want+" ") {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Examine(ctx, Options{}); err == nil {
		t.Error("examined after the end")
	}
}

func TestParseFiles(t *testing.T) {
	c := parseKernelConfig(strings.NewReader("# CONFIG_KPROBES is not set\nCONFIG_BPF=y\nCONFIG_EXT4=m\nCONFIG_HZ=250\n"))
	if c.lacks([]string{"CONFIG_BPF", "CONFIG_EXT4"}) != "" || c.lacks([]string{"CONFIG_BPF", "CONFIG_KPROBES"}) != "CONFIG_KPROBES" {
		t.Errorf("got %v", c)
	}
	if kernelConfig(nil).lacks([]string{"CONFIG_X"}) != "" {
		t.Error("an unknown configuration lacks nothing")
	}
	file := t.TempDir() + "/lockdown"
	if err := os.WriteFile(file, []byte("none [integrity] confidentiality\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := readLockdown(file); got != "integrity" {
		t.Errorf("got %q", got)
	}
	for version, want := range map[string]bool{"6.3": true, "6.18": true, "6.19": false, "5.19": true, "7.0": false} {
		if got := (&host{release: "6.18.44-x"}).atLeast(version); got != want {
			t.Errorf("6.18 at least %s: %v", version, got)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	r := &Report{Checks: []Check{{Key: "kernel", Name: "kernel", Status: OK}}, Flavour: "kprobe", Target: &Target{PID: 1}}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got["usable"] != true || got["flavour"] != "kprobe" {
		t.Errorf("%v: %s", err, &b)
	}
}
