/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the agent is told of a connection's exchanges; call_report.h decides. */
#ifndef THROUGHLINE_REPORT_H
#define THROUGHLINE_REPORT_H

#include "events.h"
#include "sampling.h"

static __always_inline bool report_leaves_out(const struct conn *c)
{
	return c->report == REPORT_LEFT_OUT || c->report == REPORT_NOTHING;
}

/* Counts the exchange that was left out, once, when it is over. */
static __always_inline void report_settle(struct conn *c)
{
	if (c->report != REPORT_LEFT_OUT || !c->report_open)
		return;
	c->report_open = 0;
	if (!(c->flags & CONN_CLAIMED)) /* else the library's probes count it */
		count(COUNT_SAMPLED_OUT, 1);
}

#endif
