package probes

import (
	"bytes"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
)

// haveWriteUser tells whether programs may write to a process's memory. A kernel that
// is locked down says so without being asked to load one.
func haveWriteUser() bool {
	mode, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err == nil && !bytes.Contains(mode, []byte("[none]")) {
		return false
	}
	return features.HaveProgramHelper(ebpf.Kprobe, asm.FnProbeWriteUser) == nil
}
