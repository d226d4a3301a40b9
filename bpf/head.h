/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The head of a request before its bytes leave. */
#ifndef THROUGHLINE_HEAD_H
#define THROUGHLINE_HEAD_H

#include "exchange.h"

/* Whether the next byte sent begins a request, for certain: the program's library
 * says so, or the connection is new, or its last request was sent and answered to
 * the end. */
static __always_inline bool request_may_begin(const struct conn *c)
{
	if (c->no_inject || c->flags & (CONN_IGNORED | CONN_UPGRADED | CONN_CLOSED | CONN_HTTP2))
		return false;
	if (c->flags & CONN_CLAIMED)
		return c->flags & CONN_PREPARED;
	if (c->role == ROLE_SERVER || c->half[DIRECTION_SENT].body_left ||
	    c->exchange != EXCHANGE_NONE)
		return false;
	if (c->direction == NO_DIRECTION)
		return c->flags & CONN_FROM_START;
	return c->role == ROLE_CLIENT && c->direction == DIRECTION_RECEIVED;
}

/* Looks at the len bytes in a slot's record, which c is about to send. True: they are
 * the whole head of a request without a trace context, and c's is its span. */
static __always_inline bool head_judge(struct conn *c, struct call *call, u32 slot, u32 len,
				       const struct target *t)
{
	struct gather *g = &call->gather;
	struct scan *s = &call->scan;

	gather_reset(g);
	__builtin_memset(s, 0, sizeof(*s));
	s->state = SCAN_REQUEST;
	s->len = len;
	call_scan(slot);
	if (s->state == SCAN_REJECTED) {
		c->no_inject = 1; /* another protocol, or none that is known */
		return false;
	}
	if (s->state != SCAN_END) {
		drop(DROP_INJECT_SPLIT_HEAD);
		return false;
	}
	c->flags |= CONN_JUDGED;
	c->request_ktime = bpf_ktime_get_ns();
	if (s->flags & SCAN_CONNECT)
		c->no_inject = 1;
	context_of(g, slot);
	return request_made(c, t, &g->remote);
}

#endif
