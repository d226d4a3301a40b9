/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which span a request is that a Go program is about to write, for the programs that
 * write its header into the process (go_write.bpf.c). */
#ifndef THROUGHLINE_GO_OUTGOING_H
#define THROUGHLINE_GO_OUTGOING_H

#include "go.h"

/* Set by the agent where the kernel lets programs write to a process. */
const volatile bool write_user;

/* What is handed from the goroutine that makes a request to the one that writes
 * it. */
struct go_address {
	u64 address;
	u32 tgid;
	u32 reserved;
};

struct go_outgoing {
	struct trace_context ctx;
	u64 header; /* the request's http.Header; 0: not known */
	u64 since;
};

/* How old what is taken may be, in nanoseconds. Requests that are given up before they
 * are written leave theirs, and the address may be that of something else one day. */
#define OUTGOING_AGE_MAX 1000000000ULL

/* Inserted when a request is given its connection, deleted when its header is
 * written, overwritten by the next one at the address, evicted by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct go_address);
	__type(value, struct go_outgoing);
} go_outgoings SEC(".maps");

static __always_inline void outgoing_put(const struct go_hit *hit, u64 address,
					 const struct trace_context *ctx, u64 header)
{
	struct go_address key = { .address = address, .tgid = hit->task.tgid };
	struct go_outgoing out = { .ctx = *ctx, .header = header, .since = hit->now };

	if (write_user && address)
		bpf_map_update_elem(&go_outgoings, &key, &out, BPF_ANY);
}

/* What is written at the address is no request of which anything is known. */
static __always_inline void outgoing_drop(const struct go_hit *hit, u64 address)
{
	struct go_address key = { .address = address, .tgid = hit->task.tgid };

	if (write_user)
		bpf_map_delete_elem(&go_outgoings, &key);
}

/* Takes what is known of the address into out. */
static __always_inline bool outgoing_take(const struct go_hit *hit, u64 address,
					  struct go_outgoing *out)
{
	struct go_address key = { .address = address, .tgid = hit->task.tgid };
	struct go_outgoing *found = bpf_map_lookup_elem(&go_outgoings, &key);

	if (!found)
		return false;
	*out = *found;
	bpf_map_delete_elem(&go_outgoings, &key);
	return hit->now - out->since < OUTGOING_AGE_MAX;
}

#endif
