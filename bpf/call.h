/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One call that moves bytes, while it is looked at. */
#ifndef THROUGHLINE_CALL_H
#define THROUGHLINE_CALL_H

#include "io.h"
#include "http.h"

/*
 * One call that moved bytes, and the record that is made of it.
 *
 * What one step finds out is kept here and not in variables: the verifier
 * forgets the value of what is written to a map and so merges the paths behind
 * each step, instead of walking every combination.
 */
struct call {
	struct io io;
	struct syscall syscall;
	struct scan scan;
	struct gather gather;
	u64 now;
	u64 offset; /* of the first byte in its direction */
	u64 previous;
	u32 length;
	u32 captured;
	u32 used;     /* bytes up to the head's end */
	u8 direction; /* enum direction */
	u8 turn;      /* the direction changed */
	u8 may_hold_head;
	u8 begins;     /* a request may begin with the first one */
	u8 done;       /* the exchange is complete */
	u8 last_chunk; /* the call ends in a chunked body's end */
	u16 flags;     /* enum event_flag */
	u8 record[sizeof(struct data_event) + 2 * CAPTURE_MAX] WORDS;
};

/* By enum direction, and one each for the programs that look at what is sent before
 * it leaves. */
enum {
	SLOT_INJECT = 2,
	SLOT_JOIN = 3,
	SLOTS = 4,
};

/* Room for one call. A slot a direction: a send and a receive may interleave on
 * one CPU where programs can be preempted, two sends cannot (the kernel skips a
 * program that is already running on the CPU, and counts it). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct call);
} calls SEC(".maps");

/* What was gathered in the slot of a call. */
static __always_inline struct gather *gather_of(u64 id)
{
	u32 slot = id;
	struct call *call = bpf_map_lookup_elem(&calls, &slot);

	if (!call)
		return NULL;
	barrier_var(call); /* the address is not reckoned before the test */
	return &call->gather;
}

/* Scans SCAN_CHUNK bytes of the call in a slot; 1 when no more have to be looked at. A
 * global function: the verifier walks it once, on its own, and not once a round of the
 * loop that calls it. */
__noinline int scan_chunk(u32 slot, u32 at)
{
	struct call *call = bpf_map_lookup_elem(&calls, &slot);

	if (!call)
		return 1;
	at &= SCAN_MAX - SCAN_CHUNK;
	return scan_bytes(&call->scan, &call->gather.in,
			  call->record + sizeof(struct data_event) + at, at);
}

/* Scans the captured bytes of the call in a slot. Global, as it is called in many places. */
__noinline int call_scan(u32 slot)
{
	for (u32 at = 0; at < SCAN_MAX; at += SCAN_CHUNK)
		if (scan_chunk(slot, at))
			break;
	return 0;
}

#endif
