/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves joins for requests in clear text where no sk_msg program looks at what is sent.
 * The flavours (join_*.bpf.c) are adapters: of join_sending(), which has to run under the
 * socket's lock and before the first byte has a place in the send queue, and of one of
 * join_unix_*().
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

/* The current task sends size bytes on c, the first or a further part of them. */
SUBPROGRAM int join_judge(struct sock *sk, struct conn *c, const struct target *t, u64 size)
{
	u32 slot = SLOT_JOIN, len;
	struct call *call = bpf_map_lookup_elem(&calls, &slot);

	if (!call)
		return 0;
	len = call_copy(call, size);
	if (len && head_judge(c, call, SLOT_JOIN, len, t))
		join_leave(sk, c, &c->ctx);
	return 0;
}

/* The current task is about to send size bytes over TCP. */
static __always_inline int join_sending(struct sock *sk, u64 size)
{
	const struct target *t = target_current();
	u64 key = (u64)sk;
	struct conn *c;

	if (!t)
		return 0;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c || c->sending)
		return 0; /* in the middle of a send, or sk_msg has looked at it */
	c->sending = 1;	  /* until the send's own hook */
	return request_may_begin(c) ? join_judge(sk, c, t, size) : 0;
}

/* The same of a Unix socket. waiting: how many messages there are for its peer, ahead of
 * what is sent. */
static __always_inline int join_sending_unix(struct sock *sk, u64 size, u32 waiting)
{
	const struct target *t = target_current();
	struct conn *c;

	if (!t)
		return 0;
	c = conn_get(sk, bpf_get_current_pid_tgid() >> 32);
	if (!c || c->sending)
		return 0;
	c->sending = 1;
	if (waiting)
		return 0;
	/* Of a connection that was there before, what is sent first may as well be a
	 * request: both ends look at the same bytes. */
	if (!request_may_begin(c) && (c->direction != NO_DIRECTION || c->flags))
		return 0;
	return join_judge(sk, c, t, size);
}

static __always_inline struct sock *unix_peer(struct sock *sk)
{
	struct unix_sock *u = (void *)sk;

	return BPF_CORE_READ(u, peer);
}

/* unix_stream_sendmsg begins. */
static __always_inline int join_unix_begins(struct socket *socket, u64 size)
{
	struct sock *sk = BPF_CORE_READ(socket, sk), *peer = unix_peer(sk);

	return peer ? join_sending_unix(sk, size, BPF_CORE_READ(peer, sk_receive_queue.qlen)) : 0;
}

/* unix_stream_sendmsg has put a message into its peer's queue, and wakes who waits for it.
 * A reader that polls may have taken it by now. */
static __always_inline int join_unix_queued(struct sock *peer)
{
	struct sock *sk = unix_peer(peer);
	u32 messages = BPF_CORE_READ(peer, sk_receive_queue.qlen);

	if (!sk || !messages)
		return 0;
	return join_sending_unix(sk, BPF_CORE_READ(peer, sk_receive_queue.prev, len), messages - 1);
}

#endif
