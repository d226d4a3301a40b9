// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Spans that OpenTelemetry's SDK for Go begins in a program, as far as they tell of
 * what the agent would report too: a request that is served, whose span the SDK
 * begins behind our first hook, and a statement, whose span a driver begins. Of all
 * other calls the context that they are given tells (go_sdk.h).
 */
#include "go_sql.h"

/* A span of a driver's instrumentation tells of the statement that its goroutine
 * runs. */
static __always_inline void statement_told(const struct go_hit *hit)
{
	struct sql_made *made = go_sql_made_find(&hit->task);

	if (made)
		made->event.told = 1;
}

/* (*recordingSpan).runtimeTrace(s, ctx): what (*tracer).Start does last with a span
 * that is recorded */
SEC("uprobe")
int go_sdk_start(struct pt_regs *ctx)
{
	u64 span = GO_0(ctx), context = GO_2(ctx);
	struct trace_context *request;
	struct go_cause begun = {};
	struct go_hit hit;
	u64 kind;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	kind = go_word(span, hit.program->field[GO_SDK_SPAN_KIND]);
	if (kind != SDK_SERVER && kind != SDK_CLIENT)
		return 0;
	if (!sdk_span_read(hit.program, span, &begun))
		return 0;
	if (kind == SDK_CLIENT) {
		statement_told(&hit);
		return 0;
	}
	request = go_context_span(context, hit.task.tgid);
	if (request)
		sdk_serves(&hit, request, &begun.span);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
