/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes are looked at. */
#ifndef THROUGHLINE_TARGET_H
#define THROUGHLINE_TARGET_H

#include "kernel.h"
#include "abi.h"

/* Keyed by tgid. Inserted by the agent for the processes that were asked for
 * and by the fork hook for their children; deleted by the exit hook. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct target);
} targets SEC(".maps");

static __always_inline struct target *target_current(void)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return bpf_map_lookup_elem(&targets, &tgid);
}

#endif
