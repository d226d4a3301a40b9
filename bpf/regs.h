/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The registers with which the current task entered its system call. */
#ifndef THROUGHLINE_REGS_H
#define THROUGHLINE_REGS_H

#include "kernel.h"

#define KERNEL_STACK_SIZE 16384 /* THREAD_SIZE on amd64 and arm64 with 4K pages */

static __always_inline struct pt_regs *syscall_regs(void)
{
	struct task_struct *task;

	/* Since 5.15, bpf: Add bpf_task_pt_regs() helper. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, stack) + KERNEL_STACK_SIZE - bpf_core_type_size(struct pt_regs);
}

struct syscall {
	u32 nr;
	u64 arg[4];
};

#define NR_UNKNOWN 0xffffffff

#if defined(__TARGET_ARCH_x86)
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDFILE = 40,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_SPLICE = 275,
	NR_RECVMMSG = 299,
	NR_SENDMMSG = 307,
};

#define USER_CS_64 0x33 /* arch/x86/include/asm/segment.h, __USER_CS */

SUBPROGRAM void syscall_current(struct syscall *s)
{
	struct pt_regs regs = {};

	/* One wide read: the layout has been the same since 2.6, but for the upper
	 * bits of cs, which FRED uses. */
	if (bpf_probe_read_kernel(&regs, sizeof(regs), syscall_regs()) ||
	    (u16)regs.cs != USER_CS_64) {
		s->nr = NR_UNKNOWN; /* a 32-bit program */
		return;
	}
	s->nr = regs.orig_ax;
	s->arg[0] = regs.di;
	s->arg[1] = regs.si;
	s->arg[2] = regs.dx;
	s->arg[3] = regs.r10;
}
#else
enum {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SENDFILE = 71,
	NR_SPLICE = 76,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212,
	NR_RECVMMSG = 243,
	NR_SENDMMSG = 269,
};

#define PSR_MODE32_BIT 0x10 /* arch/arm64/include/uapi/asm/ptrace.h */

SUBPROGRAM void syscall_current(struct syscall *s)
{
	struct pt_regs *regs = syscall_regs();

	if (BPF_CORE_READ(regs, pstate) & PSR_MODE32_BIT) {
		s->nr = NR_UNKNOWN;
		return;
	}
	s->nr = BPF_CORE_READ(regs, syscallno);
	s->arg[0] = BPF_CORE_READ(regs, orig_x0);
	s->arg[1] = BPF_CORE_READ(regs, regs[1]);
	s->arg[2] = BPF_CORE_READ(regs, regs[2]);
	s->arg[3] = BPF_CORE_READ(regs, regs[3]);
}
#endif

#endif
