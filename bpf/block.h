/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The header lines that a request gets. The agent writes them as a template of the
 * formats that were chosen (internal/propagation); here the context is put into it, and
 * the lists that the request's parent came with behind it.
 */
#ifndef THROUGHLINE_BLOCK_H
#define THROUGHLINE_BLOCK_H

#include "propagation.h"

const volatile struct header_block block_template;

#define BLOCK_TEXT 4096 /* a power of two, with room for everything */
#define BLOCK_LINES_MAX (BLOCK_TEMPLATE + TRACESTATE_SIZE + BAGGAGE_SIZE + BLOCK_NAMES)
#define BLOCK_NAMES 64 /* bytes that the lists' names and line ends take, at most */
#define DECIMAL_COLUMNS 20
#define HIGH_NAME 10 /* "_dd.p.tid=" */

_Static_assert(BLOCK_LINES_MAX <= BLOCK_TEXT, "the lists fit");

struct block {
	struct trace_context ctx; /* what it is about */
	u64 carrier;		  /* span id whose lists go on; 0: none */
	u32 len;
	u32 without; /* bits by enum context_field: lists that the request has */
	u8 text[BLOCK_TEXT + 64] WORDS;
};

/* Used by inject_request alone, which sees to it that it does not run twice on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct block);
} blocks SEC(".maps");

static __always_inline struct block *block_current(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&blocks, &zero);
}

static __always_inline void block_put(struct block *b, u32 at, u8 byte)
{
	b->text[at & (BLOCK_TEXT - 1)] = byte;
}

static __always_inline u8 context_byte(const struct block *b, u32 from)
{
	return ((const u8 *)b)[from & 63]; /* ctx is its first member */
}

static __always_inline void patch_hex(struct block *b, u32 at, u32 from, u32 bytes)
{
	for (u32 i = 0; i < 16; i++) {
		u8 byte;

		if (i >= bytes)
			break;
		byte = context_byte(b, from + i);
		block_put(b, at + 2 * i, hex_digits[byte >> 4]);
		block_put(b, at + 2 * i + 1, hex_digits[byte & 15]);
	}
}

/* White space before a value is no part of it (RFC 9110, 5.5), so that a number may
 * have any length in its columns. */
static __always_inline void patch_decimal(struct block *b, u32 at, u32 from)
{
	u64 value = 0;

	for (u32 i = 0; i < 8; i++)
		value = value << 8 | context_byte(b, from + i);
	for (u32 i = DECIMAL_COLUMNS; i > 0; i--) {
		u64 rest = value / 10;
		u8 digit = '0' + (value - rest * 10);

		block_put(b, at + i - 1, value || i == DECIMAL_COLUMNS ? digit : ' ');
		value = rest;
	}
}

static __always_inline void patch_high(struct block *b, u32 at)
{
	u64 high;

	__builtin_memcpy(&high, b->ctx.trace_id, 8);
	if (high) {
		patch_hex(b, at + HIGH_NAME, 0, 8);
		return;
	}
	for (u32 i = 0; i < HIGH_NAME + 16; i++)
		block_put(b, at + i, ' ');
}

/* Global, so that the verifier walks it once and not once a patch. */
__noinline int block_patch(u32 which)
{
	const volatile struct block_patch *p = &block_template.patch[which & (BLOCK_PATCHES - 1)];
	struct block *b = block_current();

	if (!b)
		return 0;
	switch (p->kind) {
	case PATCH_HEX:
		patch_hex(b, p->at, p->from, p->bytes);
		break;
	case PATCH_SAMPLED:
		block_put(b, p->at, '0' + (b->ctx.flags & TRACE_SAMPLED));
		break;
	case PATCH_DECIMAL:
		patch_decimal(b, p->at, p->from);
		break;
	case PATCH_HIGH:
		patch_high(b, p->at);
		break;
	}
	return 0;
}

/* Appends bytes that stand in a map. In 64 bits, since Linux 5.10 does not carry a bound of
 * 32 over to what is used. */
static __always_inline void block_append(struct block *b, const void *from, u64 len, u32 max)
{
	u64 used = b->len;

	if (!len)
		return;
	asm volatile("" : "+r"(used), "+r"(len)); /* what is compared is what is used */
	if (len > max || used > BLOCK_TEXT - max)
		return;
	if (bpf_probe_read_kernel(b->text + used, len, from))
		return;
	b->len = used + len;
}

static __always_inline void block_name(struct block *b, const char *name, u32 len)
{
	for (u32 i = 0; i < len; i++)
		block_put(b, b->len + i, name[i]);
	b->len += len;
}

/*
 * tracestate, as it came in: its members are those of other systems, which nothing
 * here changes. Of a trace that was sampled here by a ratio, which came with none, the
 * ratio.
 */
SUBPROGRAM void block_tracestate(struct block *b, const struct carried *c)
{
	bool came = c && c->tracestate_len;

	if (!came && !sampling_tells(&b->ctx))
		return;
	block_name(b, "tracestate: ", 12);
	if (came)
		block_append(b, c->tracestate, c->tracestate_len, TRACESTATE_SIZE);
	else
		block_append(b, (const void *)sampling_member, sampling_member_len,
			     SAMPLING_MEMBER_MAX);
	block_name(b, "\r\n", 2);
}

SUBPROGRAM void block_baggage(struct block *b, const struct carried *c)
{
	if (!c || !c->baggage_len)
		return;
	block_name(b, "baggage: ", 9);
	block_append(b, c->baggage, c->baggage_len, BAGGAGE_SIZE);
	block_name(b, "\r\n", 2);
}

/* Makes the lines for the context in the block. Global, like call_scan. */
__noinline int block_compose(void)
{
	struct block *b = block_current();
	struct carried *c;

	if (!b)
		return 0;
	b->len = 0;
	block_append(b, (const void *)block_template.text, block_template.len, BLOCK_TEMPLATE);
	for (u32 i = 0; i < BLOCK_PATCHES; i++) {
		if (i >= block_template.patches)
			break;
		block_patch(i);
	}
	c = carried_of((const u8 *)&b->carrier);
	if (format_chosen(FORMAT_TRACECONTEXT) && !(b->without & 1 << FIELD_TRACESTATE))
		block_tracestate(b, c);
	if (format_chosen(FORMAT_BAGGAGE) && !(b->without & 1 << FIELD_BAGGAGE))
		block_baggage(b, c);
	return 0;
}

#endif
