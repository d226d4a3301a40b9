/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring to the agent, and the counters of what is lost on the way. */
#ifndef THROUGHLINE_EVENTS_H
#define THROUGHLINE_EVENTS_H

#include "kernel.h"
#include "abi.h"

/* Waking the reader costs more than an event: it is woken by this many waiting
 * bytes, or by its own clock. Set by the agent to a fraction of the ring. */
const volatile u64 wake_bytes = 256 * 1024;

/* Written by every program, read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* What was lost, by enum drop_reason, and what was done, by enum count_kind. A
 * line a CPU in plain memory: no look-up, no branch, so that counting costs the
 * program nothing to speak of and the verifier no second path. */
struct counters counters;

_Static_assert(DROP_REASONS <= COUNTER_LINE && COUNT_KINDS <= COUNTER_LINE,
	       "a counter line holds every reason and kind");

static __always_inline void drop(u32 reason)
{
	u32 cpu = bpf_get_smp_processor_id() & (COUNTER_CPUS - 1);

	__sync_fetch_and_add(&counters.cpu[cpu].drops[reason], 1);
}

static __always_inline void count(u32 kind, u64 by)
{
	u32 cpu = bpf_get_smp_processor_id() & (COUNTER_CPUS - 1);

	__sync_fetch_and_add(&counters.cpu[cpu].counts[kind], by);
}

/* How the reader is told of one more record. The ring's fill is asked for now
 * and then only. */
static __always_inline u64 wakeup(void)
{
	u32 cpu = bpf_get_smp_processor_id() & (COUNTER_CPUS - 1);

	if (counters.cpu[cpu].counts[COUNT_EVENTS] & 15)
		return BPF_RB_NO_WAKEUP;
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wake_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Reserves a record of a fixed size with its header filled in, or counts. */
static __always_inline void *event_reserve(u64 size, u16 kind)
{
	struct event_header *h = bpf_ringbuf_reserve(&events, size, 0);

	if (!h) {
		drop(DROP_RING_FULL);
		return NULL;
	}
	__builtin_memset(h, 0, size);
	h->kind = kind;
	h->len = size;
	h->ktime = bpf_ktime_get_ns();
	return h;
}

static __always_inline void event_submit(void *record, u64 flags)
{
	count(COUNT_EVENTS, 1);
	bpf_ringbuf_submit(record, flags);
}

#endif
