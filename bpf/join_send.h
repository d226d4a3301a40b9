/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves joins for requests in clear text where no sk_msg program looks at what is sent.
 * The flavours (join_*.bpf.c) are adapters of join_sending(), which has to run under the
 * socket's lock and before the first byte has a place in the send queue.
 */
#ifndef THROUGHLINE_JOIN_SEND_H
#define THROUGHLINE_JOIN_SEND_H

#include "head.h"

/* Whether the system call has the bytes in one piece of known memory. Of those that send
 * several messages it is not known which one this is. */
static __always_inline bool call_sends(const struct syscall *s)
{
	return s->nr == NR_WRITE || s->nr == NR_WRITEV || s->nr == NR_SENDTO || s->nr == NR_SENDMSG;
}

/* Copies the first bytes of what the current call sends to the call's record, returns how
 * many. */
SUBPROGRAM u32 call_copy(struct call *call, u64 size)
{
	u8 *payload = call->record + sizeof(struct data_event);
	u32 len;

	/* By way of memory, since Linux 5.10 loses itself in a length that is constant on
	 * one path. */
	*(volatile u32 *)&call->length = size < CAPTURE_MAX ? size : CAPTURE_MAX - 1;
	len = *(volatile u32 *)&call->length & (CAPTURE_MAX - 1);
	syscall_current(&call->syscall);
	if (!call_sends(&call->syscall) || !io_current(&call->io, &call->syscall, len))
		return 0;
	return io_copy(&call->io, payload, len, len);
}

/* The current task is about to send size bytes, the first or a further part of them. */
static __always_inline int join_sending(struct sock *sk, u64 size)
{
	u64 key = (u64)sk;
	u32 slot = SLOT_JOIN, len;
	const struct target *t = target_current();
	struct call *call;
	struct conn *c;

	if (!t)
		return 0;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c || c->sending)
		return 0; /* in the middle of a send, or sk_msg has looked at it */
	c->sending = 1;	  /* until the send's own hook */
	if (!request_may_begin(c))
		return 0;
	call = bpf_map_lookup_elem(&calls, &slot);
	if (!call)
		return 0;
	len = call_copy(call, size);
	if (len && head_judge(c, call, SLOT_JOIN, len, t))
		join_leave(sk, c, &c->ctx);
	return 0;
}

#endif
