/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The trace context in the header, or the metadata, of a Go program's request. */
#ifndef THROUGHLINE_GO_CONTEXT_H
#define THROUGHLINE_GO_CONTEXT_H

#include "go_header.h"
#include "propagation.h"

#define LIST_FIELDS_MAX 4 /* fields of one name that make a list */

/* Fields while they are read, by goroutine: uprobes' programs can be preempted, so no
 * CPU's own memory will do. Inserted for a request that has one of them, deleted by the
 * same run. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct task_key);
	__type(value, struct gather);
} go_gathers SEC(".maps");

/* A fresh value: too large for the stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct gather);
} go_gathers_blank SEC(".maps");

static __always_inline void gather_key(struct task_key *key, u64 goid)
{
	key->id = goid;
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	key->is_goroutine = 1;
}

static __always_inline struct gather *gather_of(u64 id)
{
	struct task_key key;

	gather_key(&key, id);
	return bpf_map_lookup_elem(&go_gathers, &key);
}

static __always_inline struct gather *gather_insert(u64 goid)
{
	struct task_key key;
	struct gather *blank;
	u32 zero = 0;

	gather_key(&key, goid);
	blank = bpf_map_lookup_elem(&go_gathers_blank, &zero);
	if (!blank || bpf_map_update_elem(&go_gathers, &key, blank, BPF_ANY)) {
		drop(DROP_CALLS_FULL);
		return NULL;
	}
	return bpf_map_lookup_elem(&go_gathers, &key);
}

static __always_inline void gather_delete(u64 goid)
{
	struct task_key key;

	gather_key(&key, goid);
	bpf_map_delete_elem(&go_gathers, &key);
}

#define GO_VALUE_MAX BAGGAGE_SIZE /* bytes of a value */

/* Gathers one value of a field, as the scanner of heads does. Global, for the verifier's
 * sake. */
__noinline int gather_value(u64 goid, u32 field, u64 data, u64 len)
{
	struct gather *g = gather_of(goid);
	u64 at;
	u32 entry;

	if (!g)
		return 0;
	entry = g->in.entries;
	at = (g->in.len + 1) & (GATHER_TEXT - 1);
	asm volatile("" : "+r"(at), "+r"(len)); /* what is compared is what is used */
	if (len > GO_VALUE_MAX)
		goto cut;
	if (at + len >= GATHER_TEXT)
		goto cut;
	g->in.text[(at - 1) & (GATHER_TEXT - 1)] = ':';
	if (bpf_probe_read_user(g->in.text + at, len, (void *)data))
		goto cut;
	g->in.len = at + len;
	g->in.entry[entry & (GATHER_ENTRIES - 1)] = field << 16 | (u32)at;
	if (entry < GATHER_ENTRIES - 1)
		g->in.entries = entry + 1;
	return 0;
cut:
	/* An empty value and what spoils it. */
	drop(DROP_CONTEXT_CUT);
	g->in.entry[entry & (GATHER_ENTRIES - 1)] = field << 16 | (u32)at;
	g->in.entry[(entry + 1) & (GATHER_ENTRIES - 1)] = FIELD_SPOILT << 16 | (u32)at;
	if (entry < GATHER_ENTRIES - 2)
		g->in.entries = entry + 2;
	return 0;
}

/* Gathers what the walk has found. Global, for the verifier's sake. */
__noinline int header_gather(u64 goid)
{
	struct header_search *s = header_search(goid);
	struct gather *g = gather_of(goid);

	if (!s || !g)
		return 0;
	for (u32 field = 1; field < CONTEXT_FIELDS; field++) {
		struct go_strings values = {};

		if (!(s->fields >> field & 1))
			continue;
		bpf_probe_read_user(&values, sizeof(values), (void *)s->values[field]);
		for (u32 i = 0; i < LIST_FIELDS_MAX && i < values.len; i++) {
			struct go_string value = {};

			bpf_probe_read_user(&value, sizeof(value),
					    (void *)(values.data + i * sizeof(value)));
			gather_value(goid, field, value.data, value.len);
		}
	}
	return 0;
}

/*
 * Reads the context out of the header at an address, whose fields have the names of
 * sought. NULL: it has none of the fields; else gather_delete has to be called.
 */
static __always_inline struct gather *header_context(struct header_search *s, u64 goid, u64 header,
						     u8 sought)
{
	const volatile struct header_name *tracestate = &http_names[FIELD_TRACESTATE];
	struct gather *g;

	s->sought = sought;
	s->lengths = context_lengths;
	header_walk(goid, header);
	if (!s->fields)
		return NULL;
	if (s->fields & 1 << FIELD_TRACEPARENT) {
		u32 fields = s->fields;

		s->lengths = 1ULL << (tracestate->len & 63);
		header_walk(goid, header);
		s->fields |= fields;
	}
	g = gather_insert(goid);
	if (!g)
		return NULL;
	header_gather(goid);
	context_of(g, goid);
	return g;
}

/* The texts of a call that stand in the kernel's memory. */
SUBPROGRAM void call_carried(struct call_event *e, const struct carried *c)
{
	call_append_kernel(e, TEXT_TRACESTATE, c->tracestate, c->tracestate_len, TRACESTATE_MAX);
	call_append_kernel(e, TEXT_DEBUG_ID, c->debug_id, c->debug_id_len, DEBUG_ID_SIZE);
}

/* A served call's span, of the context that it came with; g may be NULL. joined: it is
 * there already, unless there is a context. */
SUBPROGRAM void call_served(struct call_event *e, struct gather *g, bool joined)
{
	if (g && g->remote.format) {
		e->call_flags |= CALL_REMOTE_CONTEXT;
		trace_new_child(&e->h.ctx, &g->remote.ctx);
		sampling_adopted(&e->h.ctx);
	} else if (!joined) {
		trace_new_root(&e->h.ctx);
		if (g)
			remote_decides(&e->h.ctx, &g->remote);
	}
	if (!g)
		return;
	call_carried(e, &g->carried);
	context_carry(&e->h.ctx, g);
}

#endif
