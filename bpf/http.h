/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Just enough of HTTP/1 (RFC 9112) to see where a head begins and ends, and to
 * pick the trace context and the body's framing out of it.
 *
 * A head is fed to a finite automaton a byte at a time, so that it may be split
 * anywhere. The automaton is a table that the agent computes from the names of
 * the header fields (probes/scanner.go); the loop has no branch but its ends,
 * which keeps it cheap for the verifier.
 */
#ifndef THROUGHLINE_HTTP_H
#define THROUGHLINE_HTTP_H

#include "gather.h"

#define SCAN_STATES 256
#define SCAN_CLASSES 64
#define SCAN_ACTIONS 64
#define SCAN_TABLE (SCAN_STATES * SCAN_CLASSES)

#define SCAN_MAX 4096 /* bytes of a head that are looked at, CAPTURE_MAX at most */
#define SCAN_MAX_UNROLLED \
	512 /* the same before Linux 5.17, which has no bpf_loop:
			       * the verifier walks each round of a loop */
#define SCAN_CHUNK 8

/* Set by the agent, which tries. */
const volatile bool have_bpf_loop = true;

const volatile u8 scan_classes[256];
const volatile u16 scan_table[SCAN_TABLE];     /* next state; above 10 bits an action */
const volatile u32 scan_actions[SCAN_ACTIONS]; /* enum scan_flag; above 8 bits a field */

/* A scanner's registers while it runs; between calls they are in struct half. */
struct scan {
	u64 length;
	u32 status;
	u32 state;
	u32 flags;
	u32 gathered; /* bytes */
	u32 entries;
	u32 first_line; /* bytes of the first line, with its end */
	u32 used;	/* bytes looked at, up to the head's end */
	u32 len;	/* bytes there are */
	struct gathered *to;
	const u8 *from;
};

/* The few bytes that mean something by themselves. Arithmetic instead of
 * branches, since each would be a path for the verifier. */
static __always_inline void scan_act(struct scan *s, u32 act, u8 byte, u32 at)
{
	u64 digit = byte & 15;

	/* Neither goes beyond its last place, which counts as cut. */
	s->to->text[s->gathered & (GATHER_TEXT - 1)] = byte;
	s->gathered += act & 1;
	s->gathered -= s->gathered / GATHER_TEXT;
	s->to->entry[s->entries & (GATHER_ENTRIES - 1)] = (act >> 8) << 16 | s->gathered;
	s->entries += act >> 7 & 1;
	s->entries -= s->entries / GATHER_ENTRIES;
	s->length += (act >> 1 & 1) * (s->length * 9 + digit);
	s->status += (act >> 2 & 1) * (s->status * 9 + digit);
	s->first_line += (act >> 3 & 1) * (at + 1); /* SCAN_RECOGNISED ends it */
	s->flags |= act;
}

#define BYTES(b) (0x0101010101010101ULL * (b))

/* Whether one of eight bytes is a line feed. */
static __always_inline bool has_line_feed(u64 word)
{
	u64 x = word ^ BYTES('\n');

	return (x - BYTES(1)) & ~x & BYTES(0x80);
}

/* SCAN_CHUNK bytes; 1 when no more have to be looked at. */
static long scan_chunk(u32 index, struct scan *s)
{
	u32 at = index * SCAN_CHUNK, len = s->len, state = s->state;
	const u8 *from = s->from + (at & (SCAN_MAX - SCAN_CHUNK));
	u32 i;

	if (state == SCAN_SKIP && at + SCAN_CHUNK < len && !has_line_feed(*(u64 *)from)) {
		s->used = at + SCAN_CHUNK;
		return 0;
	}
#pragma unroll
	for (i = 0; i < SCAN_CHUNK; i++) {
		u32 class, entry;

		if (at + i >= len)
			break;
		class = scan_classes[from[i]];
		entry = scan_table[(state * SCAN_CLASSES + class) & (SCAN_TABLE - 1)];
		state = entry & 0x3ff;
		/* Without a branch where each byte's would be a path for the verifier: no
		 * action is one too. */
		if (!have_bpf_loop || entry >> 10)
			scan_act(s, scan_actions[entry >> 10 & (SCAN_ACTIONS - 1)], from[i],
				 at + i);
		if (state <= SCAN_END) {
			i++;
			break;
		}
	}
	s->state = state;
	s->used = at + i;
	return state <= SCAN_END || at + SCAN_CHUNK >= len;
}

static __always_inline void scan_run(struct scan *s)
{
	if (have_bpf_loop) {
		bpf_loop(SCAN_MAX / SCAN_CHUNK, scan_chunk, s, 0);
		return;
	}
	for (u32 i = 0; i < SCAN_MAX_UNROLLED / SCAN_CHUNK; i++)
		if (scan_chunk(i, s))
			break;
}

static __always_inline void scan_reset(struct half *half, u16 state)
{
	half->scan = state;
	half->scan_flags = 0;
	half->scan_length = 0;
	half->status = 0;
	half->scanned = 0;
}

static __always_inline void scan_begin(struct scan *s, const struct half *half, u32 len)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->length = half->scan_length;
	s->status = half->status;
	s->state = half->scan;
	s->flags = half->scan_flags;
	s->len = len;
}

static __always_inline void scan_finish(const struct scan *s, struct half *half)
{
	half->scan_length = s->length;
	half->status = s->status;
	half->scan = s->state;
	half->scan_flags = s->flags;
	half->scanned += s->used;
}

#endif
