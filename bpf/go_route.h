/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes that frameworks find for the requests that net/http serves. A framework
 * keeps the route in a context of its own, which is another request's as soon as the
 * handler has returned, and is written after the framework's hook: so the hook notes
 * whose the context is, and the route is read when the request ends, and counts if the
 * context is still the request's behind that. The next owner's hook comes before it
 * writes its route.
 */
#ifndef THROUGHLINE_GO_ROUTE_H
#define THROUGHLINE_GO_ROUTE_H

#include "go_call.h"

#define ROUTER_MAX 128
#define ROUTER_PARTS 6 /* routers, one below the other */

_Static_assert(METHOD_MAX + PATH_MAX + HOST_MAX + PEER_MAX + TRACESTATE_MAX + ROUTE_MAX +
			       ROUTER_MAX <=
		       CALL_TEXT_SIZE,
	       "the texts fit");

/* Where a request's route is. */
struct route {
	u64 span;     /* id of the request's */
	u64 context;  /* the framework's; 0: the route is text */
	u64 at;	      /* of the Go string in it, or of the slice of strings */
	u64 unrouted; /* address of a text that is no route: the request's own path */
	u32 is_slice;
	u32 len;
	u8 text[ROUTER_MAX];
};

/* Inserted by a framework's hook, deleted by the hook that ends the request and, if the
 * process is gone, by the agent's sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct task_key);
	__type(value, struct route);
} go_routes SEC(".maps");

/* The span of the request that a framework's context was taken for last. Inserted by
 * the framework's hook, deleted by age: contexts are used again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct go_context_key);
	__type(value, u64);
} go_route_contexts SEC(".maps");

static __always_inline u64 route_span(const struct trace_context *ctx)
{
	return *(const u64 *)ctx->span_id;
}

/* The context is this request's from now on; span 0: of one that nobody follows. */
static __always_inline void route_own(const struct go_hit *hit, u64 context, u64 span)
{
	struct go_context_key key = { .context = context, .tgid = hit->task.tgid };

	if (bpf_map_update_elem(&go_route_contexts, &key, &span, BPF_ANY)) {
		bpf_map_delete_elem(&go_route_contexts, &key);
		drop(DROP_CALLS_FULL);
	}
}

/* Notes where the route of the request will be that the goroutine serves. Of routers
 * one within the other the first one's counts: it has seen the path as it came. */
static __always_inline void route_note(const struct go_hit *hit, struct route *r)
{
	struct route *known;
	struct task *task;
	bool overlapped;

	task = task_serving(&hit->task, &overlapped);
	r->span = task ? route_span(&task->ctx) : 0;
	if (r->context)
		route_own(hit, r->context, r->span);
	if (!r->span)
		return;
	known = bpf_map_lookup_elem(&go_routes, &hit->task);
	if (known && known->span == r->span)
		return;
	if (bpf_map_update_elem(&go_routes, &hit->task, r, BPF_ANY))
		drop(DROP_CALLS_FULL);
}

/* Whether the program has a framework that is probed. */
static __always_inline bool route_expected(const struct go_program *p)
{
	return (p->field[GO_GIN_FULL_PATH] & p->field[GO_ECHO_PATH] & p->field[GO_CHI_PATTERNS] &
		p->field[GO_MUX_PATH]) != GO_ABSENT;
}

/* Reads a text to the end of what the record has so far and len bytes; returns the new
 * len, 0: it does not fit. */
SUBPROGRAM u32 route_part(struct call_event *e, u32 len, const struct go_string *part)
{
	u32 at = e->text_used + len, size = part->len;

	if (part->len > ROUTER_MAX || len > ROUTER_MAX - size || !size)
		return 0;
	if (at > CALL_TEXT_SIZE - ROUTER_MAX)
		return 0;
	if (bpf_probe_read_user(e->text + at, size, (void *)part->data))
		return 0;
	return len + size;
}

/* The same of the parts that routers one below the other have added. */
SUBPROGRAM u32 route_parts(struct call_event *e, u64 slice)
{
	struct go_string header = {}, part[ROUTER_PARTS] = {};
	u32 len = 0, n;

	bpf_probe_read_user(&header, sizeof(header), (void *)slice);
	if (!header.len || header.len > ROUTER_PARTS)
		return 0;
	n = header.len;
	if (bpf_probe_read_user(part, n * sizeof(part[0]), (void *)header.data))
		return 0;
	for (u32 i = 0; i < ROUTER_PARTS && i < n; i++) {
		u32 at = e->text_used + len;

		if (i) {
			if (at >= CALL_TEXT_SIZE)
				return 0;
			e->text[at] = 0;
			len++;
		}
		len = route_part(e, len, &part[i]);
		if (!len)
			return 0;
	}
	return len;
}

static __always_inline u32 route_read(struct call_event *e, const struct route *r)
{
	struct go_string s = {};

	if (r->is_slice)
		return route_parts(e, r->at);
	bpf_probe_read_user(&s, sizeof(s), (void *)r->at);
	return s.data && s.data != r->unrouted ? route_part(e, 0, &s) : 0;
}

static __always_inline u32 route_copy(struct call_event *e, const struct route *r)
{
	u32 at = e->text_used;

	if (at > CALL_TEXT_SIZE - ROUTER_MAX)
		return 0;
	__builtin_memcpy(e->text + at, r->text, ROUTER_MAX);
	return r->len;
}

/* Adds the route to the record of a request that ends. */
SUBPROGRAM void route_tell(const struct go_hit *hit, struct call_event *e)
{
	struct route *r = bpf_map_lookup_elem(&go_routes, &hit->task);
	u64 span = route_span(&e->h.ctx), *owner;
	u32 len;

	if (!r || r->span != span)
		return;
	if (r->context) {
		struct go_context_key key = { .context = r->context, .tgid = hit->task.tgid };

		len = route_read(e, r);
		owner = bpf_map_lookup_elem(&go_route_contexts, &key);
		if (!owner || *owner != span) {
			drop(DROP_ROUTE_LATE);
			len = 0;
		}
	} else {
		len = route_copy(e, r);
	}
	if (len && len <= ROUTER_MAX) {
		e->text_len[TEXT_ROUTER] = len;
		e->text_at[TEXT_ROUTER] = e->text_used;
		e->text_used += len;
	}
	bpf_map_delete_elem(&go_routes, &hit->task);
}

#endif
