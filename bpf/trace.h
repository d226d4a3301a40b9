/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* W3C Trace Context: minting, reading and writing it. */
#ifndef THROUGHLINE_TRACE_H
#define THROUGHLINE_TRACE_H

#include "events.h"
#include "sampling.h"

#define TRACEPARENT_SIZE 55 /* version 00, https://www.w3.org/TR/trace-context-2/ 3.2 */
#define TRACE_FLAGS 3	    /* sampled and random, 3.2.2.5 */

static __always_inline void random_bytes(u8 *to, u32 words)
{
	for (u32 i = 0; i < words; i++) {
		u32 r = bpf_get_prandom_u32();

		__builtin_memcpy(to + i * 4, &r, 4);
	}
}

static __always_inline void trace_new_span(struct trace_context *ctx)
{
	random_bytes(ctx->span_id, 2);
	ctx->span_id[7] |= 1; /* never the invalid id */
}

/* A new trace that begins with this span. */
static __always_inline void trace_new_root(struct trace_context *ctx)
{
	__builtin_memset(ctx, 0, sizeof(*ctx));
	random_bytes(ctx->trace_id, 4);
	ctx->trace_id[0] |= 1; /* none of those that decide */
	trace_new_span(ctx);
	sampling_root(ctx);
}

/* A new span under parent, which may be the place that ctx is written to. */
static __always_inline void trace_new_child(struct trace_context *ctx,
					    const struct trace_context *parent)
{
	__builtin_memcpy(ctx->trace_id, parent->trace_id, 16);
	__builtin_memcpy(ctx->parent_id, parent->span_id, 8);
	ctx->flags = parent->flags;
	ctx->sampling = parent->sampling;
	trace_new_span(ctx);
}

/* A new span under parent, or without one in a trace of its own. */
static __always_inline void trace_new(struct trace_context *ctx, const struct trace_context *parent)
{
	if (parent)
		trace_new_child(ctx, parent);
	else
		trace_new_root(ctx);
}

#define HEX_BAD 0x80

/* Value of a lower-case hexadecimal digit; HEX_BAD for anything else. A table,
 * because a branch a digit would be a path a digit for the verifier. */
const volatile u8 hex_values[256] = {
	/* one more than the value */
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* Reads n bytes of hex; returns HEX_BAD if a digit is bad, else the OR of all
 * digits: 0 if the number is. */
static __always_inline u32 hex_decode(u8 *to, const u8 *from, u32 n)
{
	u32 seen = 0;

	for (u32 i = 0; i < n; i++) {
		u32 high = (u8)(hex_values[from[2 * i]] - 1);
		u32 low = (u8)(hex_values[from[2 * i + 1]] - 1);

		to[i] = high << 4 | low;
		seen |= high | low;
	}
	return seen & HEX_BAD ? HEX_BAD : seen;
}

/* Parses a traceparent of len bytes: trace_id, flags, and the sender's span as
 * span_id. False: malformed, so that the trace starts anew (3.2.2.1). */
SUBPROGRAM bool trace_parse(const u8 *value, u32 len, struct trace_context *ctx)
{
	u32 trace, span;
	u8 version, flags;

	if (len < TRACEPARENT_SIZE)
		return false;
	if (value[2] != '-' || value[35] != '-' || value[52] != '-')
		return false;
	if (hex_decode(&version, value, 1) == HEX_BAD || version == 0xff)
		return false;
	if (version == 0 ? len != TRACEPARENT_SIZE : len > TRACEPARENT_SIZE && value[55] != '-')
		return false;
	trace = hex_decode(ctx->trace_id, value + 3, 16);
	span = hex_decode(ctx->span_id, value + 36, 8);
	if (!trace || trace == HEX_BAD || !span || span == HEX_BAD)
		return false;
	if (hex_decode(&flags, value + 53, 1) == HEX_BAD)
		return false;
	ctx->flags = flags & TRACE_FLAGS;
	return true;
}

const volatile u8 hex_digits[16] = "0123456789abcdef";

static __always_inline void hex_encode(u8 *to, const u8 *from, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		to[2 * i] = hex_digits[from[i] >> 4];
		to[2 * i + 1] = hex_digits[from[i] & 15];
	}
}

/* Writes the value of a traceparent header, TRACEPARENT_SIZE bytes. */
static __always_inline void trace_write(u8 *to, const struct trace_context *ctx)
{
	to[0] = '0';
	to[1] = '0';
	to[2] = '-';
	hex_encode(to + 3, ctx->trace_id, 16);
	to[35] = '-';
	hex_encode(to + 36, ctx->span_id, 8);
	to[52] = '-';
	hex_encode(to + 53, &ctx->flags, 1);
}

/* Which span of a process answers for a context that came in with a request:
 * found again when the program forwards the header as it was. Inserted by
 * request_adopts, evicted by age. */
struct adoption {
	u8 span_id[8] WORDS; /* of the sender */
	u32 tgid;
	u32 reserved;
};

struct adopted {
	struct trace_context ctx; /* the SERVER span */
	u64 sock;		  /* connection it came on */
	u64 gen;
	u32 ambiguous; /* another request with the same header was open */
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct adoption);
	__type(value, struct adopted);
} adoptions SEC(".maps");

static __always_inline bool same_trace(const struct trace_context *a, const struct trace_context *b)
{
	return !__builtin_memcmp(a->trace_id, b->trace_id, 16);
}

static __always_inline struct adopted *trace_adopted(const struct trace_context *remote,
						     struct adoption *key)
{
	struct adopted *found;

	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->span_id, remote->span_id, 8);
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	found = bpf_map_lookup_elem(&adoptions, key);
	return found && same_trace(&found->ctx, remote) ? found : NULL;
}

#endif
