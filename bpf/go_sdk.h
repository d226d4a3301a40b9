/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which span caused what a goroutine does: that of the request it serves or, in
 * programs that carry OpenTelemetry's SDK for Go, the innermost one that the SDK
 * has put into the context. The SDK exports that one itself.
 */
#ifndef THROUGHLINE_GO_SDK_H
#define THROUGHLINE_GO_SDK_H

#include "go.h"

/* go.opentelemetry.io/otel/trace.SpanKind */
enum {
	SDK_SERVER = 2,
	SDK_CLIENT = 3,
};

/* go.opentelemetry.io/otel/trace.SpanContext as it has begun since v1.0, to which the
 * tests hold it. */
struct sdk_span_context {
	u8 trace_id[16];
	u8 span_id[8];
	u8 flags;
	u8 reserved[7];
};

/* The span that a call has as its parent, or that tells of the call. */
struct go_cause {
	struct trace_context span;
	u32 kind;	  /* as the SDK says; 0: the span is the agent's */
	u32 open;	  /* it is the SDK's and has not ended */
	u8 mute[8] WORDS; /* the innermost of the SDK's that it does not export */
};

/* Set by the agent in what it loads for programs that have the SDK. */
const volatile bool have_sdk;

static __always_inline bool go_has_sdk(const struct go_program *p)
{
	return have_sdk && p->field[GO_SDK_SPAN_KIND] != GO_ABSENT;
}

#define SLICE_SIZE 24

/* Whether anything processes a span when it has ended: its provider has an atomic
 * pointer to a slice of processors, until v1.15 in an atomic.Value. */
static __always_inline bool sdk_span_processed(const struct go_program *p, u64 span)
{
	u64 tracer = go_word(span, p->field[GO_SDK_SPAN_TRACER]);
	u64 provider = go_word(tracer, p->field[GO_SDK_TRACER_PROVIDER]);
	u64 held[2] = {}, slice[2] = {}; /* address and length */

	bpf_probe_read_user(held, sizeof(held),
			    (void *)(provider + p->field[GO_SDK_PROVIDER_PROCESSORS]));
	bpf_probe_read_user(slice, sizeof(slice), (void *)held[0]);
	if (slice[0] == SLICE_SIZE) /* a type, which begins with its size */
		bpf_probe_read_user(slice, sizeof(slice), (void *)held[1]);
	return slice[1];
}

/* Fills in a sdk/trace.recordingSpan. False: it is not exported, as no parent may be. */
SUBPROGRAM bool sdk_span_read(const struct go_program *p, u64 span, struct go_cause *cause)
{
	struct sdk_span_context context = {};
	u64 parent = span + p->field[GO_SDK_SPAN_PARENT];
	u64 end[2] = {}; /* time.Time: zero without a third word */

	if (bpf_probe_read_user(&context, sizeof(context),
				(void *)(span + p->field[GO_SDK_SPAN_CONTEXT])))
		return false;
	if (!(context.flags & TRACE_SAMPLED) || !sdk_span_processed(p, span)) {
		if (!*(u64 *)cause->mute)
			__builtin_memcpy(cause->mute, context.span_id, 8);
		return false;
	}
	bpf_probe_read_user(end, sizeof(end), (void *)(span + p->field[GO_SDK_SPAN_END]));
	__builtin_memset(&cause->span, 0, sizeof(cause->span));
	__builtin_memcpy(cause->span.trace_id, context.trace_id, 16);
	__builtin_memcpy(cause->span.span_id, context.span_id, 8);
	bpf_probe_read_user(cause->span.parent_id, 8,
			    (void *)(parent + offsetof(struct sdk_span_context, span_id)));
	cause->span.flags = context.flags & TRACE_FLAGS;
	cause->kind = go_word(span, p->field[GO_SDK_SPAN_KIND]);
	cause->open = !(end[0] | end[1]);
	return true;
}

/* internal/abi/type.go: hash, three bytes, kind. */
#define TYPE_HASH_AND_KIND 16

/*
 * Whether a type is *go.opentelemetry.io/otel/sdk/trace.recordingSpan: a type's hash is
 * that of its full name, TypeHash in cmd/compile/internal/types/fmt.go, the same in all
 * programs that one compiler built.
 */
static __always_inline bool is_sdk_span(u64 type)
{
	u64 word = go_word(type, TYPE_HASH_AND_KIND);

	if ((word >> 56 & GO_KIND_MASK) != GO_KIND_POINTER)
		return false;
	switch ((u32)word) {
	case 0x66bf7d79: /* Go 1.18 */
	case 0x55108b03: /* since 1.19 */
	case 0xeeaa3210: /* since 1.24 */
	case 0xaaef7403: /* since 1.25 */
		return true;
	}
	return false;
}

/* The innermost span that a context carries, be it the SDK's or a request's. The SDK
 * keeps its own as a value (context.WithValue). */
SUBPROGRAM bool sdk_cause(const struct go_hit *hit, u64 context, struct go_cause *cause)
{
	struct go_context_key key = { .tgid = hit->task.tgid };

	for (u32 i = 0; i < CONTEXT_CHAIN_MAX; i++) {
		struct trace_context *found;
		struct value_context c;

		if (!context)
			return false;
		key.context = context;
		found = bpf_map_lookup_elem(&go_contexts, &key);
		if (found) {
			cause->span = *found;
			return true;
		}
		if (!go_read(&c, sizeof(c), context)) /* most are shorter */
			return false;
		if (c.value && is_sdk_span(c.value_type) &&
		    sdk_span_read(hit->program, c.value, cause))
			return true;
		context = c.parent[1];
	}
	return false;
}

/* What caused that a goroutine does something with a context, or false. Who created
 * the goroutine says nothing: a pool's worker serves others than the request that
 * happened to start it. */
SUBPROGRAM bool go_cause(const struct go_hit *hit, u64 context, struct go_cause *cause)
{
	struct trace_context *span;
	struct task *task;
	bool overlapped;

	__builtin_memset(cause, 0, sizeof(*cause));
	if (go_has_sdk(hit->program)) {
		if (sdk_cause(hit, context, cause))
			return true;
	} else {
		span = go_context_span(context, hit->task.tgid);
		if (span) {
			cause->span = *span;
			return true;
		}
	}
	task = task_serving(&hit->task, &overlapped);
	if (!task)
		return false;
	cause->span = task->ctx;
	return true;
}

/*
 * Whether the SDK tells of a call that is made: its innermost span is one of kind
 * CLIENT that has not ended.
 */
static __always_inline bool sdk_made(const struct go_cause *cause)
{
	return cause->kind == SDK_CLIENT && cause->open;
}

/* The SDK tells of a request that is served. From now on the request's context has
 * the SDK's span, and so the goroutine, as far as it serves no other. */
static __always_inline void sdk_serves(const struct go_hit *hit, struct trace_context *request,
				       const struct trace_context *span)
{
	struct task *task = bpf_map_lookup_elem(&tasks, &hit->task);

	if (task && !__builtin_memcmp(task->ctx.span_id, request->span_id, 8))
		task->ctx = *span;
	*request = *span;
}

/* Whether the SDK has taken over what the agent had begun as a span of its own. */
static __always_inline bool sdk_served(const struct go_hit *hit, const struct go_context_key *key,
				       const struct trace_context *begun)
{
	struct trace_context *request;

	if (!go_has_sdk(hit->program))
		return false;
	request = bpf_map_lookup_elem(&go_contexts, key);
	return request && __builtin_memcmp(request->span_id, begun->span_id, 8);
}

#endif
