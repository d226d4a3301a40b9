package doctor

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"golang.org/x/sys/unix"
)

// The programs of this file do nothing: each returns at once, is attached for as
// long as it takes to attach it, and is gone when its trial returns.

// returning is a whole program: "return value".
func returning(value int32) asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, value), asm.Return()}
}

func load(spec *ebpf.ProgramSpec) (*ebpf.Program, error) {
	if spec.Instructions == nil {
		spec.Instructions = returning(0)
	}
	spec.License = "GPL"
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("loading: %w", err)
	}
	return p, nil
}

// loads tries a program that is never attached.
func loads(spec ebpf.ProgramSpec) error {
	p, err := load(&spec)
	if err != nil {
		return err
	}
	return p.Close()
}

// attaches tries a program with the attachment that attach makes.
func attaches(spec ebpf.ProgramSpec, attach func(*ebpf.Program) (link.Link, error)) error {
	p, err := load(&spec)
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := attach(p)
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	return l.Close()
}

// tracing tries a program of the BTF kinds (tp_btf, fentry) on each name.
func tracing(kind ebpf.AttachType, names ...string) error {
	for _, name := range names {
		err := attaches(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: kind, AttachTo: name},
			func(p *ebpf.Program) (link.Link, error) { return link.AttachTracing(link.TracingOptions{Program: p}) })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func tracepointsOf(names ...string) func() error {
	return func() error { return tracing(ebpf.AttachTraceRawTp, names...) }
}

func tryFentry() error { return tracing(ebpf.AttachTraceFEntry, "inet_sendmsg") }

func tryKprobe() error {
	return attaches(ebpf.ProgramSpec{Type: ebpf.Kprobe},
		func(p *ebpf.Program) (link.Link, error) { return link.Kprobe("inet_sendmsg", p, nil) })
}

func trySyscallTracepoint() error {
	return attaches(ebpf.ProgramSpec{Type: ebpf.TracePoint},
		func(p *ebpf.Program) (link.Link, error) {
			return link.Tracepoint("syscalls", "sys_enter_sendmsg", p, nil)
		})
}

// onSelf tries a uprobe on the agent's own file, for the agent's own process.
func onSelf(spec ebpf.ProgramSpec, attach func(*link.Executable, *ebpf.Program, uint64) (link.Link, error)) error {
	offset, err := neverOffset()
	if err != nil {
		return err
	}
	self, err := link.OpenExecutable("/proc/self/exe")
	if err != nil {
		return err
	}
	return attaches(spec, func(p *ebpf.Program) (link.Link, error) { return attach(self, p, offset) })
}

func tryUprobe() error {
	return onSelf(ebpf.ProgramSpec{Type: ebpf.Kprobe}, func(self *link.Executable, p *ebpf.Program, at uint64) (link.Link, error) {
		return self.Uprobe("never", p, &link.UprobeOptions{Address: at, PID: os.Getpid()})
	})
}

func tryUprobeMulti() error {
	return onSelf(ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceUprobeMulti}, func(self *link.Executable, p *ebpf.Program, at uint64) (link.Link, error) {
		return self.UprobeMulti(nil, p, &link.UprobeMultiOptions{Addresses: []uint64{at}, PID: uint32(os.Getpid())})
	})
}

func tryMap(spec ebpf.MapSpec) func() error {
	return func() error {
		m, err := ebpf.NewMap(&spec)
		if err != nil {
			return fmt.Errorf("creating: %w", err)
		}
		return m.Close()
	}
}

func tryRing() error {
	return tryMap(ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(os.Getpagesize())})()
}

// tryTaskRegs loads "task_pt_regs(current)".
func tryTaskRegs() error {
	return loads(ebpf.ProgramSpec{Type: ebpf.TracePoint, Instructions: append(asm.Instructions{
		asm.FnGetCurrentTaskBtf.Call(), asm.Mov.Reg(asm.R1, asm.R0), asm.FnTaskPtRegs.Call(),
	}, returning(0)...)})
}

// tryReadKernel loads a read of eight bytes from address 0.
func tryReadKernel() error {
	return loads(ebpf.ProgramSpec{Type: ebpf.TracePoint, Instructions: append(asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -8), asm.Mov.Imm(asm.R2, 8), asm.Mov.Imm(asm.R3, 0),
		asm.FnProbeReadKernel.Call(),
	}, returning(0)...)})
}

// tryWriteUser loads a write of eight bytes to address 0. It is never attached;
// the kernel logs that such a program was loaded.
func tryWriteUser() error {
	return loads(ebpf.ProgramSpec{Type: ebpf.TracePoint, Instructions: append(asm.Instructions{
		asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.RFP, -8, asm.R1, asm.DWord),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -8), asm.Mov.Imm(asm.R3, 8),
		asm.FnProbeWriteUser.Call(),
	}, returning(0)...)})
}

// passMessage is SK_PASS of include/uapi/linux/bpf.h.
const passMessage = 1

// trySkMsg loads a program that would push a header into a message.
func trySkMsg() error {
	return loads(ebpf.ProgramSpec{Type: ebpf.SkMsg, AttachType: ebpf.AttachSkMsgVerdict, Instructions: append(asm.Instructions{
		asm.Mov.Imm(asm.R2, 0), asm.Mov.Imm(asm.R3, 1), asm.Mov.Imm(asm.R4, 0), asm.FnMsgPushData.Call(),
	}, returning(passMessage)...)})
}

func trySockOps() error {
	return loads(ebpf.ProgramSpec{Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps, Instructions: returning(1)})
}

// errno returns the error number inside an error, 0 without one.
func errno(err error) unix.Errno {
	var n unix.Errno
	errors.As(err, &n)
	return n
}

// brief tells an error in a few words, without the verifier's log.
func brief(err error) string {
	if n := errno(err); n != 0 {
		return unix.ErrnoName(n)
	}
	if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, os.ErrNotExist) {
		return "not there"
	}
	var refused *ebpf.VerifierError
	if errors.As(err, &refused) && len(refused.Log) > 0 {
		return refused.Log[len(refused.Log)-1]
	}
	return err.Error()
}
