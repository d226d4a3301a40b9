// Package doctor tells what this host allows the agent to do, what the agent
// would therefore use, and why a given process may show nothing. Hook kinds and
// helpers are tried with programs that do nothing and are gone at once; nothing
// stays in the kernel, and no other process is touched.
package doctor

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf/rlimit"

	"github.com/throughline/throughline/probes/process"
)

// Options says what to examine.
type Options struct {
	// PID is a process to examine beside the host; 0 is none.
	PID int
	// Flavour loads and attaches the agent's own programs of one flavour, takes
	// them out again, and says why that does not work. Nil: what the programs
	// need is looked at one by one, and that is all.
	Flavour func(name string) error
}

// Status is the outcome of one check.
type Status string

// The outcomes. Refused is a matter of permission or policy, Missing of what the
// kernel was built with, Untried of the privileges of whoever asks.
const (
	OK      Status = "ok"
	Refused Status = "refused"
	Missing Status = "missing"
	Untried Status = "untried"
)

// Check is one line of the table.
type Check struct {
	// Key is the check's name for programs, Name for people.
	Key    string `json:"key"`
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Detail is what was found: a version, a mount point, an error.
	Detail string `json:"detail,omitempty"`
	// Cure is a sentence saying what is missing and what to do, "" when all is
	// well.
	Cure string `json:"cure,omitempty"`
}

// Report is what was found.
type Report struct {
	Checks []Check `json:"checks"`
	// Flavour is how sockets would be watched, "" when no way works.
	Flavour string `json:"flavour"`
	// Injection says whether trace context can be put into outgoing requests.
	Injection bool `json:"injection"`
	// Target is the process asked for; nil when none was, or when it cannot be
	// read: then Problem is a sentence saying why.
	Target  *Target `json:"target,omitempty"`
	Problem string  `json:"problem,omitempty"`
}

// Usable says whether the agent can trace on this host, and the process asked for.
func (r *Report) Usable() bool { return r.Flavour != "" && r.Problem == "" }

// Check returns the check with the key.
func (r *Report) Check(key string) (Check, bool) {
	for _, c := range r.Checks {
		if c.Key == key {
			return c, true
		}
	}
	return Check{}, false
}

func (r *Report) ok(keys ...string) bool {
	for _, key := range keys {
		if c, found := r.Check(key); !found || c.Status != OK {
			return false
		}
	}
	return true
}

// Examine tries what the host allows and looks at the process, if one is given.
// It fails only when the context ends; all else is in the report.
func Examine(ctx context.Context, o Options) (*Report, error) {
	// Kernels before 5.11 charge programs and maps to this limit; where it cannot
	// be lifted the trials tell.
	_ = rlimit.RemoveMemlock()
	r, err := examineHost(ctx, readHost(), o.Flavour)
	if err != nil {
		return nil, err
	}
	if o.PID != 0 {
		p, err := process.Read(o.PID)
		if err == nil {
			r.Target, err = examineTarget(p, r)
		}
		if err != nil {
			r.Problem = err.Error()
		}
	}
	return r, nil
}

func examineHost(ctx context.Context, h *host, try func(string) error) (*Report, error) {
	r := &Report{Checks: h.checks()}
	for _, t := range trials() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("examining the host: %w", err)
		}
		r.Checks = append(r.Checks, t.check(h))
	}
	r.Checks = append(r.Checks, h.cgroupCheck())
	r.inferLockdown(h)
	r.decide(try)
	return r, nil
}

// flavours lists the ways to watch sockets, best first, and what each needs.
func flavours() []struct {
	name  string
	needs []string
} {
	return []struct {
		name  string
		needs []string
	}{
		{"tracepoint", []string{"btf", "ring_buffer", "read_kernel", "tp_btf_sock", "tp_btf_life", "task_pt_regs"}},
		{"fentry", []string{"btf", "ring_buffer", "read_kernel", "fentry"}},
		{"kprobe", []string{"btf", "ring_buffer", "read_kernel", "kprobe"}},
		{"syscall", []string{"btf", "ring_buffer", "read_kernel", "syscall_tracepoint"}},
	}
}

// decide chooses the flavour and completes the cures with it. try may be nil.
func (r *Report) decide(try func(string) error) {
	for _, f := range flavours() {
		if r.ok(f.needs...) && r.tried(f.name, try) && r.Flavour == "" {
			r.Flavour = f.name
		}
	}
	r.Injection = r.ok("sk_msg", "sockops", "sockhash", "cgroup2")
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Cure != "" {
			c.Cure += r.consequence(c.Key)
		}
	}
}

// tried adds a check that the flavour's own programs work.
func (r *Report) tried(name string, try func(string) error) bool {
	if try == nil {
		return true
	}
	c := Check{Key: "flavour_" + name, Name: "flavour " + name, Status: OK, Detail: "the agent's own programs"}
	if err := try(name); err != nil {
		c.Status, c.Detail = Refused, err.Error()
		c.Cure = "flavour " + name + ": refused although all that it needs is there; report this as a bug, with the kernel's version"
	}
	r.Checks = append(r.Checks, c)
	return c.Status == OK
}

// consequence says what happens without an ability.
func (r *Report) consequence(key string) string {
	switch key {
	case "tp_btf_sock", "tp_btf_life", "task_pt_regs", "fentry", "kprobe", "syscall_tracepoint":
		if r.Flavour != "" {
			return ", " + r.Flavour + " is used"
		}
	case "sk_msg", "sockops", "sockhash", "cgroup2":
		return ", requests are traced, but no traceparent header is put into them"
	case "write_user":
		return ", Go programs' requests over TLS, HTTP/2 and gRPC are traced, but no traceparent header is put into them"
	case "uprobe", "uprobe_multi":
		return ", the socket layer is traced without it"
	}
	return ""
}
