package doctor

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// trial is one ability, tried for real.
type trial struct {
	key, name string
	// options are the kernel's build options without which it is missing.
	options []string
	// since is the first kernel with it, "" for all supported ones.
	since string
	try   func() error
}

func trials() []trial {
	return []trial{
		{"ring_buffer", "ring buffer", []string{"CONFIG_BPF_SYSCALL"}, "5.8", tryRing},
		{"read_kernel", "kernel memory reads", []string{"CONFIG_BPF_EVENTS"}, "5.5", tryReadKernel},
		{"tp_btf_sock", "socket tracepoints", []string{"CONFIG_DEBUG_INFO_BTF", "CONFIG_BPF_EVENTS"}, "6.3", tracepointsOf("sock_send_length", "sock_recv_length")},
		{"tp_btf_life", "connection tracepoints", []string{"CONFIG_DEBUG_INFO_BTF", "CONFIG_BPF_EVENTS"}, "5.5", tracepointsOf("inet_sock_set_state", "tcp_destroy_sock")},
		{"task_pt_regs", "helper bpf_task_pt_regs", []string{"CONFIG_BPF_EVENTS"}, "5.15", tryTaskRegs},
		{"fentry", "fentry", []string{"CONFIG_DEBUG_INFO_BTF", "CONFIG_FUNCTION_TRACER", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"}, "5.5", tryFentry},
		{"kprobe", "kprobes", []string{"CONFIG_KPROBES", "CONFIG_KPROBE_EVENTS"}, "", tryKprobe},
		{"syscall_tracepoint", "syscall tracepoints", []string{"CONFIG_FTRACE_SYSCALLS"}, "", trySyscallTracepoint},
		{"uprobe", "uprobes", []string{"CONFIG_UPROBES", "CONFIG_UPROBE_EVENTS"}, "", tryUprobe},
		{"uprobe_multi", "uprobe_multi", []string{"CONFIG_UPROBES"}, "6.6", tryUprobeMulti},
		{"write_user", "helper bpf_probe_write_user", []string{"CONFIG_BPF_EVENTS"}, "", tryWriteUser},
		{"sk_msg", "sk_msg", []string{"CONFIG_BPF_STREAM_PARSER", "CONFIG_NET_SOCK_MSG"}, "5.0", trySkMsg},
		{"sockops", "sockops", []string{"CONFIG_CGROUP_BPF"}, "", trySockOps},
		{"sockhash", "sockhash", []string{"CONFIG_BPF_STREAM_PARSER", "CONFIG_NET_SOCK_MSG"}, "", tryMap(ebpf.MapSpec{Type: ebpf.SockHash, KeySize: 8, ValueSize: 4, MaxEntries: 1})},
	}
}

func (t trial) check(h *host) Check {
	c := Check{Key: t.key, Name: t.name}
	if !h.mayTry() {
		c.Status, c.Detail = Untried, "needs privileges"
		return c
	}
	err := t.try()
	if err == nil {
		c.Status = OK
		return c
	}
	c.Detail = brief(err)
	status, cause, cure := t.explain(h, err)
	outcome := c.Detail
	if errno(err) != 0 {
		outcome = "refused with " + outcome
	}
	c.Status, c.Cure = status, fmt.Sprintf("%s: %s, because %s; %s", t.name, outcome, cause, cure)
	return c
}

// explain finds out why a trial failed and what helps.
func (t trial) explain(h *host, err error) (status Status, cause, cure string) {
	if option := h.config.lacks(t.options); option != "" {
		return Missing, "the kernel was built without " + option, "nothing to do"
	}
	if t.key == "syscall_tracepoint" && h.tracefs == "" {
		return Missing, "tracefs is not mounted", mountTracefs
	}
	if t.since != "" && !h.atLeast(t.since) {
		return Missing, fmt.Sprintf("it came with kernel %s and this is %s", t.since, h.release), "take a newer kernel to have it"
	}
	if t.key == "write_user" && h.has("CAP_SYS_ADMIN") {
		return Refused, "kernel lockdown forbids it", "nothing to do, throughline works without it"
	}
	switch n := errno(err); {
	case n == unix.EPERM || n == unix.EACCES:
		if name := h.lacks("CAP_SYS_ADMIN", "CAP_NET_ADMIN"); name != "" {
			return Refused, "the kernel asks for " + name + " too", "run as root"
		}
		return Refused, "a security policy of this kernel forbids it to all, whatever their capabilities", "nothing to do"
	case errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, os.ErrNotExist):
		return Missing, "this kernel does not have it", "nothing to do"
	}
	return Refused, "the kernel said: " + err.Error(), "please report it"
}

// inferLockdown tells the lockdown mode by its effects where securityfs, which
// would say, is not mounted. Writing to users' memory ends with integrity,
// reading the kernel's with confidentiality (enum lockdown_reason in
// include/linux/security.h).
func (r *Report) inferLockdown(h *host) {
	if h.lockdown != "" || !h.mayTry() || !h.has("CAP_SYS_ADMIN") {
		return
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Key != "lockdown" {
			continue
		}
		mode := "none"
		switch {
		case !r.ok("read_kernel"):
			mode = "confidentiality"
		case !r.ok("write_user"):
			mode = "integrity"
		}
		c.Status, c.Detail, c.Cure = OK, mode+" (by its effects: securityfs is not mounted)", ""
	}
}
