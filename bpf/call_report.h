/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which calls of a connection the agent is told of. Those of an exchange that is out
 * of the sample are not, and the next one that is told says so (FLAG_RESUMED): the
 * bytes between are no loss. What has to be known of every exchange, for the sake of
 * its parents and children, is known here all the same.
 */
#ifndef THROUGHLINE_CALL_REPORT_H
#define THROUGHLINE_CALL_REPORT_H

#include "exchange.h"

/* There is more in the request's direction than its head announced: requests one
 * behind the other, which only the agent takes apart. It needs all of them, or none. */
static __always_inline void report_pipelined(struct conn *c)
{
	if (report_unsampled)
		return;
	if (c->report == REPORT_TOLD) {
		c->report = REPORT_ALL;
	} else if (c->report == REPORT_LEFT_OUT) {
		report_settle(c);
		c->report = REPORT_NOTHING;
		drop(DROP_UNSAMPLED_PIPELINE);
	}
}

/* A request's head has been read to its end, so it is known whether it is sampled. */
static __always_inline bool request_reported(struct call *call, struct conn *c,
					     const struct half *half)
{
	bool more = call->length - call->used > body_declared(c, half, call->direction);
	bool begun;

	report_settle(c);
	if (more || c->ctx.flags & TRACE_SAMPLED) {
		if (c->report == REPORT_LEFT_OUT)
			call->flags |= FLAG_RESUMED;
		c->report = more ? REPORT_ALL : REPORT_TOLD;
		return true;
	}
	begun = c->report == REPORT_TOLD && c->report_open;
	c->report = REPORT_LEFT_OUT;
	c->report_open = 1;
	if (begun) {
		/* The agent waits for more of what it knows: here are the counts. */
		call->flags |= FLAG_UNSAMPLED;
		call->captured = 0;
	}
	return begun;
}

/* Whether the agent is told of this call, which has been looked at. */
static __always_inline bool call_reported(struct call *call, struct conn *c,
					  const struct half *half)
{
	bool asks = call->may_hold_head && call->direction == request_direction(c);

	if (report_unsampled || c->report == REPORT_ALL)
		return true;
	if (c->report == REPORT_NOTHING)
		return false;
	if (asks && c->exchange == EXCHANGE_OPEN)
		return request_reported(call, c, half);
	if (c->report == REPORT_TOLD)
		return true;
	if (!call->begins || c->exchange != EXCHANGE_REQUEST)
		return false;
	report_settle(c);
	c->report = REPORT_TOLD; /* a piece of a head: its end will tell */
	call->flags |= FLAG_RESUMED;
	return true;
}

/* Behind a call: whether the agent still knows of something that is open, or there is
 * something to be counted. */
static __always_inline void report_after(const struct call *call, struct conn *c, bool sent)
{
	if (report_unsampled)
		return;
	if (c->report == REPORT_TOLD)
		c->report_open = !(sent && call->done);
	else if (call->done)
		report_settle(c);
}

#endif
