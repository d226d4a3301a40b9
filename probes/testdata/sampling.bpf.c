// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* bpf/sampling.h as a program that can be run: its arguments are a trace id's two halves
 * as they are in memory, and what came with it. */
#include "../../bpf/trace.h"

#define NO_PARENT 0x100

u8 member[SAMPLING_MEMBER_MAX];
u32 member_len;

/* Returns the flags, and the mark above them. */
SEC("raw_tp")
int decide(struct bpf_raw_tracepoint_args *args)
{
	u64 high = args->args[0], low = args->args[1], came = args->args[2];
	struct trace_context ctx = {};

	__builtin_memcpy(ctx.trace_id, &high, 8);
	__builtin_memcpy(ctx.trace_id + 8, &low, 8);
	ctx.flags = came;
	if (came & NO_PARENT)
		sampling_root(&ctx);
	else
		sampling_adopted(&ctx);
	member_len = sampling_tells(&ctx) ? sampling_member_len : 0;
	for (u32 i = 0; i < SAMPLING_MEMBER_MAX; i++)
		member[i] = sampling_member[i];
	return ctx.flags | ctx.sampling << 8;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
