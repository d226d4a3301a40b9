/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the header fields that were gathered to the context that they name: one parser
 * a format. internal/propagation has the same for the agent, and its samples are tried
 * on both.
 */
#ifndef THROUGHLINE_PROPAGATION_H
#define THROUGHLINE_PROPAGATION_H

#include "gather.h"

/* In order of precedence, as OTEL_PROPAGATORS has them; FORMAT_NONE behind the last.
 * Set by the agent. */
const volatile u8 context_formats[CONTEXT_FORMATS] = { FORMAT_TRACECONTEXT, FORMAT_BAGGAGE };

static __always_inline bool format_chosen(u8 format)
{
	for (u32 i = 0; i < CONTEXT_FORMATS; i++)
		if (context_formats[i] == format)
			return true;
	return false;
}

/* A request with one of these has a context of its own. */
#define FIELDS_OF_CONTEXT                                                                          \
	(1 << FIELD_TRACEPARENT | 1 << FIELD_B3 | 1 << FIELD_B3_TRACE_ID | 1 << FIELD_B3_SPAN_ID | \
	 1 << FIELD_B3_SAMPLED | 1 << FIELD_B3_FLAGS | 1 << FIELD_UBER_TRACE_ID |                  \
	 1 << FIELD_AMZN_TRACE_ID | 1 << FIELD_DATADOG_TRACE_ID | 1 << FIELD_DATADOG_PARENT_ID |   \
	 1 << FIELD_DATADOG_PRIORITY)

/* Of what was gathered under a number: the slot of a call, or a goroutine. */
static __always_inline struct gather *gather_of(u64 id);

static __always_inline u8 text_at(const struct gather *g, u32 at)
{
	return g->in.text[at & (GATHER_TEXT - 1)];
}

#define HEX_DIGITS_MAX 32
#define DECIMAL_DIGITS_MAX 20

/* Reads lower-case hexadecimal digits up to the first byte that is none. Without a
 * branch a digit, which would be a path a digit for the verifier; global, as all that
 * loops here, so that it is walked once and not once a number. */
__noinline int hex_read(u64 id, u32 at)
{
	struct gather *g = gather_of(id);
	u64 high = 0, low = 0;
	u32 digits = 0, more = 1;

	if (!g)
		return 0;

	for (u32 i = 0; i <= HEX_DIGITS_MAX; i++) {
		u32 value = hex_values[text_at(g, at + i)]; /* one more, up to 16 */

		more &= (value + 31) >> 5;
		high = high << 4 * more | (low >> 60) * more;
		low = low << 4 * more | (value - 1) * more;
		digits += more;
	}
	g->number.high = high;
	g->number.low = low;
	g->number.digits = digits;
	return 0;
}

/* The same of decimal digits. More than 64 bits count as no digits at all. */
__noinline int decimal_read(u64 id, u32 at)
{
	struct gather *g = gather_of(id);
	u32 digits = 0, more = 1;
	u64 low = 0;
	u8 first;

	if (!g)
		return 0;
	first = text_at(g, at);

	for (u32 i = 0; i <= DECIMAL_DIGITS_MAX; i++) {
		u32 value = (u32)text_at(g, at + i) - '0';

		more &= value < 10;
		low = low * (1 + 9 * more) + value * more;
		digits += more;
	}
	/* 2^64 has 20 digits and begins with 1; what is beyond it has become less. */
	if (digits > DECIMAL_DIGITS_MAX ||
	    (digits == DECIMAL_DIGITS_MAX && (first > '1' || low < 10000000000000000000ULL)))
		digits = 0;
	g->number.low = low;
	g->number.digits = digits;
	return 0;
}

#define KEY_SEARCH_MAX 512

enum list_key {
	KEY_ROOT = 0,
	KEY_PARENT = 1,
	KEY_SAMPLED = 2,
	KEY_TID = 3,
	LIST_KEYS = 4,
};

/* A key with the delimiter before it and its equals sign, up to 16 bytes as two words. */
const volatile struct {
	u64 high, low;
	u64 high_mask, low_mask;
	u64 delimiter;
} list_keys[LIST_KEYS] = {
	/* ";Root=", ";Parent=", ";Sampled=", ",_dd.p.tid=" */
	[KEY_ROOT] = { 0, 0x3b526f6f743d, 0, 0xffffffffffff, ';' },
	[KEY_PARENT] = { 0, 0x3b506172656e743d, 0, ~0ULL, ';' },
	[KEY_SAMPLED] = { 0x3b, 0x53616d706c65643d, 0xff, ~0ULL, ';' },
	[KEY_TID] = { 0x2c5f64, 0x642e702e7469643d, 0xffffff, ~0ULL, ',' },
};

/* Looks a key up in the list that is a field's value; number.at is where its own value
 * begins. A delimiter goes before the list, so that its first key is like the others. */
__noinline int key_find(u64 id, u32 field, u32 key)
{
	struct gather *g = gather_of(id);
	u64 high = 0, low;
	u32 at, end;

	if (!g)
		return 0;
	key &= LIST_KEYS - 1;
	field &= CONTEXT_FIELDS - 1;
	at = g->at[field];
	end = at + g->len[field];
	low = list_keys[key].delimiter;
	g->number.at = 0;
	for (u32 i = 0; i < KEY_SEARCH_MAX; i++) {
		if (at >= end)
			return 0;
		high = high << 8 | low >> 56;
		low = low << 8 | text_at(g, at);
		at++;
		if ((low & list_keys[key].low_mask) == list_keys[key].low &&
		    (high & list_keys[key].high_mask) == list_keys[key].high) {
			g->number.at = at;
			return 0;
		}
	}
	return 0;
}

static __always_inline void trace_id_store(struct trace_context *ctx, u64 high, u64 low)
{
	high = bpf_cpu_to_be64(high);
	low = bpf_cpu_to_be64(low);
	__builtin_memcpy(ctx->trace_id, &high, 8);
	__builtin_memcpy(ctx->trace_id + 8, &low, 8);
}

static __always_inline void span_id_store(struct trace_context *ctx, u64 id)
{
	id = bpf_cpu_to_be64(id);
	__builtin_memcpy(ctx->span_id, &id, 8);
}

/* The parser's context is one: both ids are there and none is zero. */
static __always_inline void read_is(struct gather *g, u8 format)
{
	u64 id[3];

	__builtin_memcpy(id, g->read.ctx.trace_id, 16);
	__builtin_memcpy(id + 2, g->read.ctx.span_id, 8);
	if ((id[0] | id[1]) && id[2])
		g->read.format = format;
}

/* No decision is one for it, as that of a trace which begins here. */
static __always_inline void read_sampled(struct gather *g, u8 decision)
{
	g->read.ctx.flags = decision == DECISION_DROP ? 0 : TRACE_SAMPLED;
}

SUBPROGRAM void tracecontext_read(struct gather *g)
{
	const u32 field = FIELD_TRACEPARENT;

	if (g->times[field] == 1 && trace_parse(g->in.text + (g->at[field] & (GATHER_TEXT - 1)),
						g->len[field], &g->read.ctx))
		g->read.format = FORMAT_TRACECONTEXT;
}

#define TRACE_ID_DIGITS 32
#define SPAN_ID_DIGITS 16

static __always_inline bool is_b3_trace_id(const struct number *n)
{
	return n->digits == TRACE_ID_DIGITS || n->digits == TRACE_ID_DIGITS / 2;
}

/* DECISION_NONE: not one of B3's letters. */
static __always_inline u8 b3_decision(u8 letter)
{
	if (letter == '0')
		return DECISION_DROP;
	return letter == '1' || letter == 'd' ? DECISION_SAMPLE : DECISION_NONE;
}

/* openzipkin/b3-propagation: {trace id}-{span id}[-{state}[-{parent}]], or {state} */
__noinline int b3_single_read(u64 id)
{
	struct gather *g = gather_of(id);
	u32 at, end;
	u8 decision;

	if (!g)
		return 0;
	at = g->at[FIELD_B3];
	end = at + g->len[FIELD_B3];
	if (g->times[FIELD_B3] != 1)
		return 0;
	if (g->len[FIELD_B3] == 1) {
		g->read.decision = b3_decision(text_at(g, at));
		return 0;
	}
	hex_read(id, at);
	at += g->number.digits;
	if (!is_b3_trace_id(&g->number) || text_at(g, at) != '-')
		return 0;
	trace_id_store(&g->read.ctx, g->number.high, g->number.low);
	hex_read(id, ++at);
	at += g->number.digits;
	if (g->number.digits != SPAN_ID_DIGITS)
		return 0;
	span_id_store(&g->read.ctx, g->number.low);
	read_sampled(g, DECISION_NONE);
	if (at == end) {
		read_is(g, FORMAT_B3);
		return 0;
	}
	decision = b3_decision(text_at(g, at + 1));
	if (text_at(g, at) != '-' || at + 2 > end || !decision)
		return 0;
	read_sampled(g, decision);
	at += 2;
	if (at == end) {
		read_is(g, FORMAT_B3);
		return 0;
	}
	hex_read(id, at + 1);
	if (text_at(g, at) == '-' && g->number.digits == SPAN_ID_DIGITS &&
	    at + 1 + SPAN_ID_DIGITS == end)
		read_is(g, FORMAT_B3);
	return 0;
}

/* Whether the text at at is a word of len lower-case letters, in any case. */
static __always_inline bool word_at(const struct gather *g, u32 at, const char *word, u32 len)
{
	u32 other = 0;

	for (u32 i = 0; i < len; i++)
		other |= (text_at(g, at + i) | 0x20) ^ word[i];
	return !other;
}

/* X-B3-Sampled and X-B3-Flags, with the words of old senders. False: malformed. */
static __always_inline bool b3_decided(struct gather *g)
{
	u32 sampled = g->at[FIELD_B3_SAMPLED], len = g->len[FIELD_B3_SAMPLED];
	u8 first = text_at(g, sampled), decision = DECISION_NONE;

	if (g->times[FIELD_B3_SAMPLED] > 1)
		return false;
	if (len == 1)
		decision = first == 'd' ? DECISION_NONE : b3_decision(first);
	else if (len == 4 && word_at(g, sampled, "true", 4))
		decision = DECISION_SAMPLE;
	else if (len == 5 && word_at(g, sampled, "false", 5))
		decision = DECISION_DROP;
	if (len && !decision)
		return false;
	if (g->times[FIELD_B3_FLAGS] == 1 && g->len[FIELD_B3_FLAGS] == 1 &&
	    text_at(g, g->at[FIELD_B3_FLAGS]) == '1')
		decision = DECISION_SAMPLE;
	g->read.decision = decision;
	read_sampled(g, decision);
	return true;
}

__noinline int b3_multi_read(u64 id)
{
	struct gather *g = gather_of(id);

	if (!g || !b3_decided(g))
		return 0;
	if (g->times[FIELD_B3_TRACE_ID] != 1 || g->times[FIELD_B3_SPAN_ID] != 1) {
		if (g->times[FIELD_B3_TRACE_ID] || g->times[FIELD_B3_SPAN_ID])
			g->read.decision = DECISION_NONE; /* half of it is malformed */
		return 0;
	}
	hex_read(id, g->at[FIELD_B3_TRACE_ID]);
	if (!is_b3_trace_id(&g->number) || g->number.digits != g->len[FIELD_B3_TRACE_ID])
		goto malformed;
	trace_id_store(&g->read.ctx, g->number.high, g->number.low);
	hex_read(id, g->at[FIELD_B3_SPAN_ID]);
	if (g->number.digits != SPAN_ID_DIGITS || g->len[FIELD_B3_SPAN_ID] != SPAN_ID_DIGITS)
		goto malformed;
	span_id_store(&g->read.ctx, g->number.low);
	read_is(g, FORMAT_B3MULTI);
	if (g->read.format)
		return 0;
malformed:
	g->read.decision = DECISION_NONE;
	return 0;
}

/* Both encodings are read whichever is written, the single one first: OpenTelemetry
 * specification, context/api-propagators.md, B3 Requirements. */
static __always_inline void b3_read(struct gather *g, u64 id)
{
	b3_single_read(id);
	if (!g->read.format && !g->read.decision)
		b3_multi_read(id);
}

#define UBER_SAMPLED 3 /* sampled and debug */

/* jaegertracing.io, client libraries, propagation format:
 * {trace id}:{span id}:{parent}:{flags} */
__noinline int jaeger_read(u64 id)
{
	struct gather *g = gather_of(id);
	u32 at, end;

	if (!g)
		return 0;
	at = g->at[FIELD_UBER_TRACE_ID];
	end = at + g->len[FIELD_UBER_TRACE_ID];
	if (g->times[FIELD_JAEGER_DEBUG_ID])
		g->read.decision = DECISION_SAMPLE;
	if (g->times[FIELD_UBER_TRACE_ID] != 1)
		return 0;
	hex_read(id, at);
	at += g->number.digits;
	if (g->number.digits > TRACE_ID_DIGITS || text_at(g, at) != ':')
		return 0;
	trace_id_store(&g->read.ctx, g->number.high, g->number.low);
	hex_read(id, ++at);
	at += g->number.digits;
	if (g->number.digits > SPAN_ID_DIGITS || text_at(g, at) != ':')
		return 0;
	span_id_store(&g->read.ctx, g->number.low);
	hex_read(id, ++at); /* deprecated: not used */
	at += g->number.digits;
	if (g->number.digits > SPAN_ID_DIGITS || text_at(g, at) != ':')
		return 0;
	hex_read(id, ++at);
	at += g->number.digits;
	if (!g->number.digits || g->number.digits > 2 || at != end)
		return 0;
	if (!g->times[FIELD_JAEGER_DEBUG_ID])
		g->read.ctx.flags = g->number.low & UBER_SAMPLED ? TRACE_SAMPLED : 0;
	else
		g->read.ctx.flags = TRACE_SAMPLED;
	read_is(g, FORMAT_JAEGER);
	return 0;
}

/* Ends of a value in X-Amzn-Trace-Id, whose list ends at end. */
static __always_inline bool xray_ends(const struct gather *g, u32 at, u32 end)
{
	return at == end || (at < end && text_at(g, at) == ';');
}

#define XRAY_EPOCH_DIGITS 8
#define XRAY_UNIQUE_DIGITS 24

/* AWS X-Ray, tracing header: Root=1-{epoch}-{unique};Parent={span id};Sampled={0|1} */
__noinline int xray_read(u64 id)
{
	struct gather *g = gather_of(id);
	u32 at, end;
	u64 epoch;

	if (!g)
		return 0;
	end = g->at[FIELD_AMZN_TRACE_ID] + g->len[FIELD_AMZN_TRACE_ID];
	if (g->times[FIELD_AMZN_TRACE_ID] != 1)
		return 0;
	key_find(id, FIELD_AMZN_TRACE_ID, KEY_ROOT);
	at = g->number.at;
	if (!at || text_at(g, at) != '1' || text_at(g, at + 1) != '-')
		return 0;
	hex_read(id, at + 2);
	at += 2 + XRAY_EPOCH_DIGITS;
	if (g->number.digits != XRAY_EPOCH_DIGITS || text_at(g, at) != '-')
		return 0;
	epoch = g->number.low;
	hex_read(id, ++at);
	at += XRAY_UNIQUE_DIGITS;
	if (g->number.digits != XRAY_UNIQUE_DIGITS || !xray_ends(g, at, end))
		return 0;
	trace_id_store(&g->read.ctx, epoch << 32 | g->number.high, g->number.low);
	key_find(id, FIELD_AMZN_TRACE_ID, KEY_PARENT);
	at = g->number.at;
	if (!at)
		return 0;
	hex_read(id, at);
	if (g->number.digits != SPAN_ID_DIGITS || !xray_ends(g, at + SPAN_ID_DIGITS, end))
		return 0;
	span_id_store(&g->read.ctx, g->number.low);
	key_find(id, FIELD_AMZN_TRACE_ID, KEY_SAMPLED);
	at = g->number.at;
	read_sampled(g, DECISION_NONE);
	if (at && text_at(g, at) == '0' && xray_ends(g, at + 1, end))
		read_sampled(g, DECISION_DROP);
	read_is(g, FORMAT_XRAY);
	return 0;
}

/* The decimal number that is the whole value of a field; digits 0: it is none. */
static __always_inline void decimal_field(struct gather *g, u64 id, u32 field)
{
	decimal_read(id, g->at[field]);
	if (g->times[field] != 1 || g->number.digits != g->len[field])
		g->number.digits = 0;
}

/* The upper half of the trace id in x-datadog-tags; 0: there is none. */
static __always_inline u64 datadog_high(struct gather *g, u64 id)
{
	u32 end = g->at[FIELD_DATADOG_TAGS] + g->len[FIELD_DATADOG_TAGS], at;

	if (g->times[FIELD_DATADOG_TAGS] != 1)
		return 0;
	key_find(id, FIELD_DATADOG_TAGS, KEY_TID);
	at = g->number.at;
	if (!at)
		return 0;
	hex_read(id, at);
	at += SPAN_ID_DIGITS;
	if (g->number.digits != SPAN_ID_DIGITS || (at != end && text_at(g, at) != ','))
		return 0;
	return g->number.low;
}

/* docs.datadoghq.com, trace context propagation: ids in decimal, of the trace id the
 * lower half; a priority above zero is kept. */
__noinline int datadog_read(u64 id)
{
	struct gather *g = gather_of(id);
	u32 priority;
	u64 low;

	if (!g)
		return 0;
	priority = g->at[FIELD_DATADOG_PRIORITY];
	decimal_field(g, id, FIELD_DATADOG_TRACE_ID);
	low = g->number.low;
	if (!g->number.digits || !low)
		return 0;
	decimal_field(g, id, FIELD_DATADOG_PARENT_ID);
	if (!g->number.digits)
		return 0;
	span_id_store(&g->read.ctx, g->number.low);
	trace_id_store(&g->read.ctx, datadog_high(g, id), low);
	g->read.ctx.flags = TRACE_SAMPLED;
	if (g->times[FIELD_DATADOG_PRIORITY] == 1 &&
	    (text_at(g, priority) == '-' ||
	     (text_at(g, priority) == '0' && g->len[FIELD_DATADOG_PRIORITY] == 1)))
		g->read.ctx.flags = 0;
	read_is(g, FORMAT_DATADOG);
	return 0;
}

/* The same trace, as far as both formats can say. */
static __always_inline bool traces_agree(const struct trace_context *a,
					 const struct trace_context *b)
{
	u64 x[2], y[2];

	__builtin_memcpy(x, a->trace_id, 16);
	__builtin_memcpy(y, b->trace_id, 16);
	return x[1] == y[1] && (x[0] == y[0] || !x[0] || !y[0]);
}

/* Takes what a parser read: the first context counts, and the first decision. */
static __always_inline void context_take(struct gather *g)
{
	if (g->read.format && !g->remote.format) {
		g->remote.ctx = g->read.ctx;
		g->remote.format = g->read.format;
	} else if (g->read.format) {
		if (!traces_agree(&g->read.ctx, &g->remote.ctx))
			drop(DROP_CONTEXT_CONFLICT);
	} else if (!g->remote.decision) {
		g->remote.decision = g->read.decision;
	}
}

#define LIST_MORE_MAX 256 /* bytes of a list's further fields, each */

/* Appends a value to a list of at most size bytes; returns the new length, or one more
 * than size: it is too long. */
SUBPROGRAM u64 list_add(u8 *list, u64 used, const u8 *value, u64 len, u64 size)
{
	if (!len || used > size)
		return used;
	if (!used) {
		asm volatile("" : "+r"(len));
		if (len > size)
			return size + 1;
		bpf_probe_read_kernel(list, len, value);
		return len;
	}
	asm volatile("" : "+r"(used), "+r"(len));
	if (len > LIST_MORE_MAX || used >= size || used + 1 + len > size)
		return size + 1;
	list[used++] = ',';
	bpf_probe_read_kernel(list + used, len, value);
	return used + len;
}

/* Takes a value into the fields, and into the list that it belongs to. */
__noinline int field_take(u64 id, u32 field, u32 at, u32 len)
{
	struct gather *g = gather_of(id);
	struct carried *c;
	const u8 *value;

	if (!g)
		return 0;
	c = &g->carried;
	value = g->in.text + (at & (GATHER_TEXT - 1));
	field &= CONTEXT_FIELDS - 1;
	g->at[field] = at;
	g->len[field] = len;
	g->times[field]++;
	g->remote.fields |= 1U << field;
	if (field == FIELD_TRACESTATE)
		c->tracestate_len =
			list_add(c->tracestate, c->tracestate_len, value, len, TRACESTATE_SIZE);
	else if (field == FIELD_BAGGAGE)
		c->baggage_len = list_add(c->baggage, c->baggage_len, value, len, BAGGAGE_SIZE);
	else if (field == FIELD_JAEGER_DEBUG_ID)
		c->debug_id_len = list_add(c->debug_id, 0, value, len, DEBUG_ID_SIZE);
	return 0;
}

/* The value of a field cannot be used: nor can a list that it belongs to. */
static __always_inline void field_spoil(struct gather *g, u32 field)
{
	g->times[field & (CONTEXT_FIELDS - 1)] |= 2;
	if (field == FIELD_TRACESTATE)
		g->carried.tracestate_len = TRACESTATE_SIZE + 1;
	else if (field == FIELD_BAGGAGE)
		g->carried.baggage_len = BAGGAGE_SIZE + 1;
}

/* Where the fields' values are in the text. */
SUBPROGRAM void fields_index(struct gather *g, u64 id)
{
	u32 entries = g->in.entries, previous = FIELD_NONE;

	for (u32 i = 0; i < GATHER_ENTRIES - 1; i++) {
		u32 entry, field, at, end;

		if (i >= entries)
			break;
		entry = g->in.entry[i];
		field = entry >> 16;
		at = entry & 0xffff;
		/* The next one's colon is between them. */
		end = i + 1 < entries ? (g->in.entry[i + 1] & 0xffff) - 1 : g->in.len;
		if (field == FIELD_SPOILT) {
			field_spoil(g, previous);
			continue;
		}
		/* The scanner leaves one byte of white space behind a value. */
		if (end > at && (text_at(g, end - 1) == ' ' || text_at(g, end - 1) == '\t'))
			end--;
		field_take(id, field, at, end > at ? end - at : 0);
		previous = field;
	}
	if (g->in.len >= GATHER_TEXT - 1 || entries >= GATHER_ENTRIES - 1) {
		drop(DROP_CONTEXT_CUT);
		field_spoil(g, previous);
	}
}

static __always_inline void format_read(struct gather *g, u64 id, u8 format)
{
	__builtin_memset(&g->read, 0, sizeof(g->read));
	switch (format) {
	case FORMAT_TRACECONTEXT:
		tracecontext_read(g);
		break;
	case FORMAT_B3:
	case FORMAT_B3MULTI:
		b3_read(g, id);
		break;
	case FORMAT_JAEGER:
		jaeger_read(id);
		break;
	case FORMAT_XRAY:
		xray_read(id);
		break;
	case FORMAT_DATADOG:
		datadog_read(id);
		break;
	}
}

/* Finds out what the gathered fields say. Global: the verifier walks it once. */
__noinline int context_read(u64 id)
{
	struct gather *g = gather_of(id);

	if (!g)
		return 0;
	__builtin_memset(g->at, 0, sizeof(g->at));
	__builtin_memset(g->len, 0, sizeof(g->len));
	__builtin_memset(g->times, 0, sizeof(g->times));
	__builtin_memset(&g->remote, 0, sizeof(g->remote));
	g->carried.tracestate_len = 0;
	g->carried.baggage_len = 0;
	g->carried.debug_id_len = 0;
	g->in.text[g->in.len & (GATHER_TEXT - 1)] = 0;
	fields_index(g, id);
	for (u32 i = 0; i < CONTEXT_FORMATS; i++) {
		u8 format = context_formats[i];

		if (!format)
			break;
		format_read(g, id, format);
		context_take(g);
	}
	/* trace-context-2, 3.3: a tracestate without its traceparent says nothing. */
	if (g->remote.format != FORMAT_TRACECONTEXT)
		g->carried.tracestate_len = 0;
	if (g->carried.tracestate_len > TRACESTATE_SIZE) {
		g->carried.tracestate_len = 0;
		drop(DROP_LIST_TOO_LONG);
	}
	if (g->carried.baggage_len > BAGGAGE_SIZE) {
		g->carried.baggage_len = 0;
		drop(DROP_LIST_TOO_LONG);
	}
	return 0;
}

/* What the fields say, which are gathered under id; of most requests there are none. */
static __always_inline void context_of(struct gather *g, u64 id)
{
	if (g->in.entries) {
		context_read(id);
		return;
	}
	__builtin_memset(&g->remote, 0, sizeof(g->remote));
	g->carried.tracestate_len = 0;
	g->carried.baggage_len = 0;
	g->carried.debug_id_len = 0;
}

/* The request's own ids, of a trace that begins with it; what it asks for is done. */
static __always_inline void remote_decides(struct trace_context *ctx, const struct remote *remote)
{
	if (!sampler_parent_based || !remote->decision)
		return;
	ctx->sampling = 0;
	if (remote->decision == DECISION_DROP)
		ctx->flags &= ~TRACE_SAMPLED;
	else if (remote->decision == DECISION_SAMPLE)
		ctx->flags |= TRACE_SAMPLED;
}

static __always_inline bool has_own_context(const struct remote *remote)
{
	return remote->fields & FIELDS_OF_CONTEXT;
}

/* What the request came with goes on to those that its span causes. */
SUBPROGRAM void context_carry(const struct trace_context *span, const struct gather *g)
{
	const struct carried *c = &g->carried;
	u64 key;

	if (!(c->tracestate_len | c->baggage_len | c->debug_id_len))
		return;
	__builtin_memcpy(&key, span->span_id, 8);
	bpf_map_update_elem(&carried, &key, c, BPF_ANY);
}

/* What the request behind a span came with, or NULL. */
static __always_inline struct carried *carried_of(const u8 *span_id)
{
	u64 key;

	__builtin_memcpy(&key, span_id, 8);
	return bpf_map_lookup_elem(&carried, &key);
}

#endif
