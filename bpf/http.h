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
#define SCAN_CHUNK 32

const volatile u8 scan_classes[256];
const volatile u16 scan_table[SCAN_TABLE];     /* next state; above 10 bits an action */
const volatile u32 scan_actions[SCAN_ACTIONS]; /* enum scan_flag; above 8 bits a field */

/* A scanner's registers while it runs; between calls they are in struct half. */
struct scan {
	u64 length;
	u32 status;
	u32 state;
	u32 flags;
	u32 first_line; /* bytes of the first line, with its end */
	u32 used;	/* bytes looked at, up to the head's end */
	u32 len;	/* bytes there are */
};

/* The few bytes that mean something by themselves. Arithmetic instead of
 * branches, since each would be a path for the verifier. */
static __always_inline void scan_act(struct scan *s, struct gathered *to, u32 act, u8 byte, u32 at)
{
	u32 used = to->len, entries = to->entries;
	u64 digit = byte & 15;

	/* Neither goes beyond its last place, which counts as cut. */
	to->text[used & (GATHER_TEXT - 1)] = byte;
	used += act & 1;
	used -= used / GATHER_TEXT;
	to->len = used;
	to->entry[entries & (GATHER_ENTRIES - 1)] = (act >> 8) << 16 | used;
	entries += act >> 7 & 1;
	to->entries = entries - entries / GATHER_ENTRIES;
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

/* Looks at SCAN_CHUNK bytes, or at as many as there are from at on; 1 when no more have
 * to be looked at. */
static __always_inline int scan_bytes(struct scan *s, struct gathered *to, const u8 *from, u32 at)
{
	u32 len = s->len, state = s->state;

#pragma unroll
	for (u32 word = 0; word < SCAN_CHUNK; word += 8) {
		if (state == SCAN_SKIP && at + word + 8 < len &&
		    !has_line_feed(*(u64 *)(from + word)))
			continue;
#pragma unroll
		for (u32 i = word; i < word + 8; i++) {
			u32 class, entry;

			if (at + i >= len) {
				at += i;
				goto out;
			}
			class = scan_classes[from[i]];
			entry = scan_table[(state * SCAN_CLASSES + class) & (SCAN_TABLE - 1)];
			state = entry & 0x3ff;
			if (entry >> 10)
				scan_act(s, to, scan_actions[entry >> 10 & (SCAN_ACTIONS - 1)],
					 from[i], at + i);
			if (state <= SCAN_END) {
				at += i + 1;
				goto out;
			}
		}
	}
	at += SCAN_CHUNK;
out:
	s->state = state;
	s->used = at;
	return state <= SCAN_END || at >= len;
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
