package doctor

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/probes/process"
)

// host is what can be read without trying anything.
type host struct {
	release, machine string
	btf              bool
	lockdown         string // "" unknown
	capabilities     uint64
	tracefs          string // where it is mounted, ""
	pidNamespace     bool   // whether this is the first pid namespace
	config           kernelConfig
}

func readHost() *host {
	h := &host{lockdown: readLockdown("/sys/kernel/security/lockdown"), capabilities: readCapabilities("/proc/self/status")}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.release, h.machine = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	}
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	h.btf = err == nil
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.TRACEFS_MAGIC {
			h.tracefs = dir
			break
		}
	}
	// PROC_PID_INIT_INO of include/linux/proc_ns.h.
	link, _ := os.Readlink("/proc/self/ns/pid")
	h.pidNamespace = link == "pid:[4026531836]"
	h.config = readKernelConfig(h.release)
	return h
}

// readLockdown returns the word in brackets of "none [integrity] confidentiality".
func readLockdown(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), "[")
	mode, _, ok := strings.Cut(rest, "]")
	if !ok {
		return ""
	}
	return mode
}

func readCapabilities(path string) uint64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("CapEff:")); ok {
			n, _ := strconv.ParseUint(string(bytes.TrimSpace(rest)), 16, 64)
			return n
		}
	}
	return 0
}

// capability is one that the agent uses, and for what.
type capability struct {
	name string
	bit  uint
	use  string
	// spared says that CAP_SYS_ADMIN does instead.
	spared bool
}

// mountTracefs is for the user to run: the doctor changes nothing.
const mountTracefs = "mount -t tracefs tracefs /sys/kernel/tracing"

// triesWith is what loading and attaching needs of a user who is not root.
const triesWith = "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (before kernel 5.8 CAP_SYS_ADMIN)"

func capabilities() []capability {
	return []capability{
		{"CAP_BPF", unix.CAP_BPF, "load programs", true},
		{"CAP_PERFMON", unix.CAP_PERFMON, "attach programs", true},
		{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, "put headers into requests", false},
		{"CAP_SYS_PTRACE", unix.CAP_SYS_PTRACE, "read other users' processes", false},
		{"CAP_DAC_READ_SEARCH", unix.CAP_DAC_READ_SEARCH, "read other users' processes, and tracefs for the flavours kprobe and syscall", false},
		{"CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN, "write to a target's memory", false},
		{"CAP_SYS_RESOURCE", unix.CAP_SYS_RESOURCE, "lift the memory-lock limit before kernel 5.11", false},
	}
}

func (h *host) has(name string) bool {
	for _, c := range capabilities() {
		if c.name == name {
			return h.capabilities>>c.bit&1 == 1
		}
	}
	return false
}

// mayTry says whether programs can be loaded and attached at all.
func (h *host) mayTry() bool {
	return h.has("CAP_SYS_ADMIN") || h.has("CAP_BPF") && h.has("CAP_PERFMON")
}

// lacks returns the first of the capabilities that is not there, or "".
func (h *host) lacks(names ...string) string {
	for _, name := range names {
		if !h.has(name) {
			return name
		}
	}
	return ""
}

// atLeast compares the running kernel with "major.minor".
func (h *host) atLeast(version string) bool {
	var major, minor, wantMajor, wantMinor int
	if n, _ := fmt.Sscanf(h.release, "%d.%d", &major, &minor); n < 2 {
		return true
	}
	fmt.Sscanf(version, "%d.%d", &wantMajor, &wantMinor)
	return major > wantMajor || major == wantMajor && minor >= wantMinor
}

// checks are the lines that need no trial.
func (h *host) checks() []Check {
	out := []Check{
		{Key: "kernel", Name: "kernel", Status: OK, Detail: h.release},
		{Key: "arch", Name: "architecture", Status: OK, Detail: h.machine},
		{Key: "btf", Name: "BTF", Status: OK, Detail: "/sys/kernel/btf/vmlinux"},
		{Key: "lockdown", Name: "lockdown", Status: OK, Detail: h.lockdown},
		{Key: "tracefs", Name: "tracefs", Status: OK, Detail: h.tracefs},
		{Key: "pid_namespace", Name: "pid namespace", Status: OK, Detail: "the host's own"},
	}
	set := func(key string, status Status, detail, cure string) {
		for i := range out {
			if out[i].Key == key {
				out[i].Status, out[i].Detail, out[i].Cure = status, detail, cure
			}
		}
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		set("arch", Missing, h.machine, "architecture: throughline knows the registers of x86_64 and aarch64 only")
	}
	if !h.btf {
		set("btf", Missing, "", "BTF: the kernel does not describe its types; take a kernel built with CONFIG_DEBUG_INFO_BTF")
	}
	if h.lockdown == "" {
		set("lockdown", Untried, "securityfs is not mounted", "")
	}
	if h.tracefs == "" {
		set("tracefs", Missing, "not mounted", "tracefs: not mounted, and syscall tracepoints need it; "+mountTracefs)
	}
	if !h.pidNamespace {
		set("pid_namespace", Refused, "one of its own", "pid namespace: the kernel numbers processes otherwise than throughline sees them; start it in the host's pid namespace (--pid=host, hostPID: true)")
	}
	for _, c := range capabilities() {
		out = append(out, h.capabilityCheck(c))
	}
	return out
}

func (h *host) capabilityCheck(c capability) Check {
	check := Check{Key: strings.ToLower(c.name), Name: c.name, Status: OK, Detail: "to " + c.use}
	switch {
	case h.has(c.name):
	case c.spared && h.has("CAP_SYS_ADMIN"):
		check.Detail = "CAP_SYS_ADMIN does instead"
	case c.name == "CAP_DAC_READ_SEARCH" && h.capabilities>>unix.CAP_DAC_OVERRIDE&1 == 1:
		check.Detail = "CAP_DAC_OVERRIDE does instead"
	case c.name == "CAP_SYS_RESOURCE" && h.atLeast("5.11"):
		check.Detail = "absent, and not needed by this kernel"
	case c.name == "CAP_SYS_ADMIN" && h.mayTry():
		check.Detail = "absent, and not needed for tracing"
	case !h.mayTry():
		check.Status, check.Detail = Refused, "needed to "+c.use // the report says so once for all of them
	default:
		check.Status = Refused
		check.Cure = fmt.Sprintf("%s: needed to %s; run as root, or give it (setcap, securityContext.capabilities)", c.name, c.use)
	}
	return check
}

// cgroupCheck finds the hierarchy; nothing is attached to it.
func (h *host) cgroupCheck() Check {
	c := Check{Key: "cgroup2", Name: "cgroup v2", Status: OK}
	mount, err := process.CgroupMount()
	if err != nil {
		c.Status, c.Detail, c.Cure = Missing, brief(err), "cgroup v2: not mounted: mount -t cgroup2 none /sys/fs/cgroup"
		return c
	}
	c.Detail = mount
	return c
}
