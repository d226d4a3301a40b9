/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The values of the header fields that carry trace context, as they are picked out
 * of a head or a program's memory: one behind the other in one buffer, each behind a
 * byte that is part of no value.
 */
#ifndef THROUGHLINE_GATHER_H
#define THROUGHLINE_GATHER_H

#include "trace.h"

#define GATHER_TEXT 2048 /* bytes, a power of two */
#define GATHER_SLACK 64	 /* what a parser may look at behind the last one */
#define GATHER_ENTRIES 32

#define TRACESTATE_SIZE 512 /* W3C trace-context-2, 3.3.1.5: what to propagate at least */
#define BAGGAGE_SIZE 1024   /* of the 8192 that W3C baggage, 3.3.2 asks for */
#define DEBUG_ID_SIZE 64

struct gathered {
	u8 text[GATHER_TEXT + GATHER_SLACK] WORDS;
	u32 len;     /* bytes of text */
	u32 entries; /* used ones, at most GATHER_ENTRIES - 1 */
	/* Where a value begins, and above 16 bits which field's it is. */
	u32 entry[GATHER_ENTRIES];
};

/* What a served request hands on to those that it causes, beside its ids. */
struct carried {
	u16 tracestate_len;
	u16 baggage_len;
	u16 debug_id_len;
	u16 reserved;
	u8 tracestate[TRACESTATE_SIZE] WORDS;
	u8 baggage[BAGGAGE_SIZE] WORDS;
	u8 debug_id[DEBUG_ID_SIZE] WORDS; /* handed to nobody but the span */
};

enum decision {
	DECISION_NONE = 0,
	DECISION_DROP = 1,
	DECISION_SAMPLE = 2,
};

/* What the fields say together. */
struct remote {
	struct trace_context ctx; /* trace id and flags; the sender's span as span_id */
	u8 format;		  /* enum context_format; FORMAT_NONE: no valid context */
	u8 decision;		  /* enum decision, if there is none */
	u16 reserved;
	u32 fields; /* bits by enum context_field: which there are, be they empty */
};

/* A number that was read: what stands in memory, the verifier does not follow. */
struct number {
	u64 high, low;
	u32 digits;
	u32 at; /* where a key's value begins; 0: there is no such key */
};

/* In this order, so that behind what is written to at a variable place there is as much
 * as the verifier thinks that may be overrun. */
struct gather {
	struct gathered in;
	struct carried carried; /* what of the fields is carried on */
	/* Of each field, by enum context_field. More than one time is malformed but
	 * for lists. */
	u16 at[CONTEXT_FIELDS];
	u16 len[CONTEXT_FIELDS];
	u8 times[CONTEXT_FIELDS];
	struct number number;
	struct remote read;   /* by the parser at work */
	struct remote remote; /* what came of it */
};

static __always_inline void gather_reset(struct gather *g)
{
	g->in.len = 0;
	g->in.entries = 0;
}

/* Fields of a head that came in pieces, by the address of its socket. Inserted when a
 * piece ends behind the first of them; evicted by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, struct gathered);
} gathered SEC(".maps");

/* By span id of the SERVER span. Inserted by context_carry, evicted by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, u64);
	__type(value, struct carried);
} carried SEC(".maps");

#endif
