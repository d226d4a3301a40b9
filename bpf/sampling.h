/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which traces are sampled: decided where a span is made, by numbers that the agent
 * has worked out (internal/sampling). All of OpenTelemetry's samplers are one
 * threshold here, by consistent probability: a trace is sampled whose randomness, the
 * rightmost 56 bits of its id, is not below it. See "TraceState: Probability
 * Sampling" of the specification and trace-context-2, 3.2.2.3.1.
 */
#ifndef THROUGHLINE_SAMPLING_H
#define THROUGHLINE_SAMPLING_H

#include "events.h"
#include "target.h"

#define TRACE_SAMPLED 1

#define RANDOMNESS_MASK ((1ULL << 56) - 1)

/* 0 samples every trace, 2^56 none. */
const volatile u64 sampler_threshold;

/* A span that has a parent from elsewhere is sampled as that is. */
const volatile bool sampler_parent_based = true;

/* The threshold is a ratio's, which tracestate tells. */
const volatile bool sampler_ratio;

/* Something in the agent wants requests that are not sampled too: a rule that keeps
 * some of them, or metrics. */
const volatile bool report_unsampled;

/* Nanoseconds from one root span of a service to the next; 0: no limit. */
const volatile u64 root_interval;

/* How much of that may be saved up, in nanoseconds; at least one interval. */
const volatile u64 root_burst = 1000000000;

/* Member of tracestate that tells the threshold, and its length. 0: none. */
#define SAMPLING_MEMBER_MAX 24
const volatile u8 sampling_member[SAMPLING_MEMBER_MAX];
const volatile u32 sampling_member_len;

/* When the next root of each service is due, by target.service. All zero at first,
 * written by root_admitted alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICES);
	__type(key, u32);
	__type(value, u64);
} service_roots SEC(".maps");

/*
 * Whether the current process's service may begin one more trace now. A bucket that
 * is kept as a time (ITU-T I.371, generic cell rate algorithm): each root moves it on
 * by an interval. CPUs that look at once may each admit one root more than was due;
 * the addition is atomic, so that the later ones pay for it. Only where the bucket was
 * full do they not, as it is set forward without asking.
 */
static __always_inline bool root_admitted(void)
{
	const struct target *t = target_current();
	u32 service = t ? t->service : 0;
	u64 now = bpf_ktime_get_ns();
	u64 *due = bpf_map_lookup_elem(&service_roots, &service);

	if (!due)
		return true;
	if (*due + root_interval > now + root_burst)
		return false;
	if (*due < now)
		*(volatile u64 *)due = now;
	__sync_fetch_and_add(due, root_interval);
	return true;
}

static __always_inline bool sampling_passes(const struct trace_context *ctx)
{
	u64 low;

	__builtin_memcpy(&low, ctx->trace_id + 8, sizeof(low));
	return (__builtin_bswap64(low) & RANDOMNESS_MASK) >= sampler_threshold;
}

/* Decides for a span that begins a trace, whose id is there. */
static __always_inline void sampling_root(struct trace_context *ctx)
{
	ctx->flags = 0;
	ctx->sampling = 0;
	if (!sampling_passes(ctx) || (root_interval && !root_admitted()))
		return;
	ctx->flags = TRACE_SAMPLED;
	/* Under a limit nobody knows the probability. */
	if (sampler_ratio && !root_interval)
		ctx->sampling = SAMPLING_BY_RATIO;
}

/* Decides for a span in a trace that others began; ctx has their flags. Spans under one
 * of the agent's own are what that is. */
static __always_inline void sampling_adopted(struct trace_context *ctx)
{
	ctx->sampling = 0;
	if (sampler_parent_based)
		return;
	ctx->flags &= ~TRACE_SAMPLED;
	if (!sampling_passes(ctx))
		return;
	ctx->flags |= TRACE_SAMPLED;
	if (sampler_ratio)
		ctx->sampling = SAMPLING_BY_RATIO;
}

/* Whether the agent wants to know of a span. */
static __always_inline bool sampling_reports(const struct trace_context *ctx)
{
	return report_unsampled || ctx->flags & TRACE_SAMPLED;
}

/* Whether a request's tracestate tells the ratio by which its trace was sampled. */
static __always_inline bool sampling_tells(const struct trace_context *ctx)
{
	return sampling_member_len && ctx->flags & TRACE_SAMPLED &&
	       ctx->sampling & SAMPLING_BY_RATIO;
}

#endif
