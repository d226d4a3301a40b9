package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// facts says what this kernel is and proves that programs load and attach.
func facts(w io.Writer) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	fmt.Fprintf(w, "kernel    %s\n", unix.ByteSliceToString(u.Release[:]))
	if b, err := os.ReadFile("/sys/kernel/security/lockdown"); err == nil {
		fmt.Fprintf(w, "lockdown  %s\n", strings.TrimSpace(string(b)))
	}
	types, err := btf.LoadKernelSpec()
	if err != nil {
		return fmt.Errorf("reading the kernel's BTF: %w", err)
	}
	for _, name := range []string{"btf_trace_sock_send_length", "btf_trace_inet_sock_set_state"} {
		_, err := types.AnyTypesByName(name)
		fmt.Fprintf(w, "%-30s %v\n", name, err == nil)
	}
	for _, a := range attempts {
		fmt.Fprintf(w, "%-30s %s\n", a.name, result(a.try()))
	}
	return nil
}

func result(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

var attempts = []struct {
	name string
	try  func() error
}{
	{"tracepoint", func() error {
		return attach(&ebpf.ProgramSpec{Type: ebpf.TracePoint}, func(p *ebpf.Program) (link.Link, error) {
			return link.Tracepoint("syscalls", "sys_enter_write", p, nil)
		})
	}},
	{"kprobe", func() error {
		return attach(&ebpf.ProgramSpec{Type: ebpf.Kprobe}, func(p *ebpf.Program) (link.Link, error) {
			return link.Kprobe("tcp_sendmsg", p, nil)
		})
	}},
	{"fentry", func() error {
		return attach(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: "tcp_sendmsg"}, tracing)
	}},
	{"tp_btf/sock_send_length", func() error {
		return attach(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "sock_send_length"}, tracing)
	}},
}

func tracing(p *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: p})
}

func attach(spec *ebpf.ProgramSpec, how func(*ebpf.Program) (link.Link, error)) error {
	spec.License = "Dual BSD/GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return fmt.Errorf("loading: %w", err)
	}
	defer p.Close()
	l, err := how(p)
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	return l.Close()
}
