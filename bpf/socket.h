/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The socket source: what happens when a target has sent or received. The four
 * flavours (sock_*.bpf.c) are adapters of these two functions:
 * socket_sent() and socket_received().
 */
#ifndef THROUGHLINE_SOCKET_H
#define THROUGHLINE_SOCKET_H

#include "exchange.h"
#include "call_report.h"
#include "http2.h"

/* Bytes copied of one turn; the rest is counted. At most CAPTURE_MAX. */
const volatile u32 capture_limit = CAPTURE_MAX;

#define TURN_EVENTS_MAX 16 /* events of one turn behind its head; later calls are counted */

/* Sends the record whose payload was copied already. */
SUBPROGRAM void data_submit(struct call *call, struct sock *sk, struct conn *c,
			    const struct target *t)
{
	struct data_event *e = (void *)call->record;
	u8 direction = call->direction & 1;
	struct half *half = &c->half[direction];
	struct half *other = &c->half[!direction];
	struct task_key key;
	u32 captured = call->captured;
	u32 size;

	task_current(t, &key);
	event_from_conn(&e->h, sk, c);
	e->h.kind = EVENT_DATA;
	e->h.flags = call->flags;
	e->h.ktime = call->now;
	e->h.tid = bpf_get_current_pid_tgid();
	e->h.task = key.id;
	/* Of a head that is not whole the span is not yet made; the last one told is
	 * known to the agent, unless others were left out. */
	if (c->exchange != EXCHANGE_NONE &&
	    !(call->flags & FLAG_RESUMED && c->exchange == EXCHANGE_REQUEST))
		e->h.ctx = c->ctx;
	else
		__builtin_memset(&e->h.ctx, 0, sizeof(e->h.ctx));
	e->offset = call->offset;
	e->start = call->now;
	if (call->flags & FLAG_REQUEST_START && c->flags & CONN_JUDGED)
		e->start = c->request_ktime;
	e->previous = call->previous;
	e->other_bytes = other->bytes;
	e->other_last = other->last;
	e->length = call->length;
	e->captured = captured;
	e->direction = direction;
	e->tail_len = captured < call->length ? half->tail_len : 0;
	__builtin_memcpy(e->tail, half->tail, TAIL_SIZE);
	e->other_tail_len = other->tail_len;
	__builtin_memcpy(e->other_tail, other->tail, TAIL_SIZE);
	if (captured > CAPTURE_MAX)
		return;
	size = sizeof(*e) + captured;
	e->h.len = size;
	if (bpf_ringbuf_output(&events, e, size, wakeup()))
		drop(DROP_RING_FULL);
	else
		count(COUNT_EVENTS, 1);
}

/* How many bytes of this call to copy. */
static __always_inline u32 capture_wanted(const struct call *call, const struct half *half)
{
	u32 left, length = call->length;

	if (half->turn_captured >= capture_limit)
		return 0;
	if (half->turn_events >= TURN_EVENTS_MAX && !call->may_hold_head)
		return 0;
	left = capture_limit - half->turn_captured;
	return left < length ? left : length;
}

/* Copies what is wanted of the call's bytes, and its end where that may tell
 * of the exchange's. */
SUBPROGRAM void call_capture(struct call *call, struct half *half)
{
	u8 *payload = call->record + sizeof(struct data_event);
	u32 want = capture_wanted(call, half);

	half->tail_len = 0;
	if (!want && !(half->scan_flags & SCAN_CHUNKED))
		return;
	syscall_current(&call->syscall);
	if (!io_current(&call->io, &call->syscall, call->length)) {
		call->flags |= FLAG_UNREADABLE;
		return;
	}
	call->captured = io_copy(&call->io, payload, call->length, want);
	if (call->captured < call->length)
		half->tail_len = io_tail(&call->io, half->tail, call->length);
	else
		half->tail_len = tail_copy(half->tail, payload, call->captured);
	if (half->tail_len >= LAST_CHUNK_SIZE)
		call->last_chunk = last_chunk(half->tail, half->tail_len);
}

/* Of a body with a known end only the count matters: leaves it out of the
 * record, but for what lies behind it (pipelining). */
static __always_inline void call_trim(struct call *call, const struct conn *c,
				      const struct half *half)
{
	u32 used = call->used;

	if (half->scan == SCAN_END && used < call->captured &&
	    call->length - used <= body_declared(c, half, call->direction))
		call->captured = used;
}

static __always_inline void call_flags(struct call *call, const struct conn *c,
				       const struct half *half)
{
	if (call->turn)
		call->flags |= FLAG_TURN;
	if (call->begins && half->scan_flags & SCAN_RECOGNISED)
		call->flags |= FLAG_REQUEST_START;
	if (c->flags & CONN_REMOTE_CONTEXT)
		call->flags |= FLAG_REMOTE_CONTEXT;
	if (c->flags & CONN_OVERLAPPED)
		call->flags |= FLAG_OVERLAPPED;
	if (c->flags & CONN_INJECTED)
		call->flags |= FLAG_INJECTED;
}

/* Takes up what was gathered of a head whose first piece came before. */
SUBPROGRAM void gather_resume(struct gather *g, u64 sock, struct conn *c, const struct half *half)
{
	struct gathered *known = NULL;

	gather_reset(g);
	if (half->scanned && c->gathered) {
		known = bpf_map_lookup_elem(&gathered, &sock);
		if (!known)
			drop(DROP_CONTEXT_CUT);
		else
			bpf_probe_read_kernel(&g->in, sizeof(g->in), known);
	}
	c->gathered = 0;
}

/* Keeps it for the next piece. */
SUBPROGRAM void gather_suspend(struct gather *g, u64 sock, struct conn *c, const struct half *half)
{
	if (half->scan <= SCAN_END || !g->in.entries)
		return;
	c->gathered = !bpf_map_update_elem(&gathered, &sock, &g->in, BPF_ANY);
	if (!c->gathered)
		drop(DROP_CONTEXT_CUT);
}

/* Looks at the bytes of a call: the heart of the socket source. */
static __always_inline void call_look(struct call *call, struct sock *sk, struct conn *c,
				      const struct target *t)
{
	u8 direction = call->direction & 1;
	struct half *half = &c->half[direction];
	bool sent;

	if (call->turn) {
		half->turn_events = 0;
		half->turn_captured = 0;
	}
	exchange_before(call, c, half);
	call_capture(call, half);
	count(COUNT_UNCAPTURED_BYTES, call->length - call->captured);
	if (call->may_hold_head && call->captured) {
		scan_begin(&call->scan, half, call->captured);
		gather_resume(&call->gather, (u64)sk, c, half);
		call_scan(direction);
		scan_finish(&call->scan, half);
		gather_suspend(&call->gather, (u64)sk, c, half);
		call->used = call->scan.used;
		exchange_after(call, sk, c, half, t);
		call_trim(call, c, half);
	} else if (call->may_hold_head) {
		inject_never(c); /* a head that could not be read */
	} else if (c->exchange == EXCHANGE_BODY || c->exchange == EXCHANGE_OPEN) {
		if (direction == request_direction(c) && call->length > half->body_left)
			report_pipelined(c);
		exchange_body(call, c, half);
	}
	call_flags(call, c, half);

	half->turn_captured += call->captured;
	/* Counted calls are not reported, but for the one that ends an exchange. */
	sent = (call->captured || call->done || call->turn) && half->turn_events <= TURN_EVENTS_MAX;
	if (call_reported(call, c, half) && (sent || call->flags & FLAG_UNSAMPLED)) {
		half->turn_events += !call->may_hold_head; /* a head may come in any number */
		data_submit(call, sk, c, t);
	}
	report_after(call, c, sent);
	if (direction == DIRECTION_RECEIVED)
		c->flags &= ~CONN_JUDGED;
	if (call->done)
		conn_finish(c);
}

/* Nothing was sent, so neither was what sk_msg had added, and there is nothing to join. */
static __always_inline void send_failed(struct sock *sk, struct conn *c)
{
	if (joining && c->flags & CONN_JUDGED)
		join_forget(sk, c);
	c->injected = 0;
	c->flags &= ~(CONN_INJECTED | CONN_JUDGED);
}

static __always_inline int socket_moved(struct sock *sk, int ret, u32 direction)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32, slot = direction;
	const struct target *t;
	struct half *half;
	struct call *call;
	struct conn *c;

	if (ret < 0 && direction == DIRECTION_RECEIVED)
		return 0; /* EAGAIN and the like move nothing */
	t = target_current();
	if (!t)
		return 0;
	c = conn_get(sk, tgid);
	if (!c)
		return 0;
	if (joining && ret > 0 && c->flags & (CONN_IGNORED | CONN_CLAIMED))
		conn_turn(sk, c, direction, ret);
	if (c->flags & CONN_IGNORED)
		return 0;
	if (c->flags & CONN_HTTP2) {
		if (direction == DIRECTION_SENT)
			http2_sent(sk, c, ret);
		return 0;
	}
	if (c->flags & CONN_CLAIMED) {
		if (direction == DIRECTION_SENT)
			c->sending = 0;
		return 0;
	}
	if (direction == DIRECTION_SENT) {
		c->sending = 0;
		if (ret < 0) {
			send_failed(sk, c);
			return 0;
		}
	}
	call = bpf_map_lookup_elem(&calls, &slot);
	if (!call)
		return 0;
	half = &c->half[direction];
	__builtin_memset(&call->now, 0, offsetof(struct call, record) - offsetof(struct call, now));
	call->now = bpf_ktime_get_ns();
	call->length = ret;
	call->direction = direction;
	call->previous = half->last;
	if (!ret) { /* the peer sends no more; a send of nothing says nothing */
		if (direction == DIRECTION_RECEIVED && c->direction != NO_DIRECTION &&
		    !(c->flags & CONN_CLOSED) && !report_leaves_out(c) &&
		    BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN) {
			call->flags = FLAG_EOF;
			call->offset = half->bytes;
			data_submit(call, sk, c, t);
		}
		return 0;
	}
	c->tgid = tgid;
	if (c->direction == NO_DIRECTION)
		conn_announce(sk, c);
	call->offset = conn_account(sk, c, direction, ret, call->now);
	call->turn = conn_turn(sk, c, direction, ret);
	if (direction == DIRECTION_RECEIVED && c->flags & CONN_ACTIVE &&
	    !c->half[DIRECTION_SENT].bytes)
		c->no_inject = 1; /* the server speaks first: not HTTP */
	call_look(call, sk, c, t);
	half->last = call->now;
	if (c->no_inject && !c->left && (c->flags & CONN_ACTIVE || c->role == ROLE_CLIENT))
		conn_leave(sk, c);
	return 0;
}

static __always_inline int socket_sent(struct sock *sk, int ret)
{
	return socket_moved(sk, ret, DIRECTION_SENT);
}

static __always_inline int socket_received(struct sock *sk, int ret, int flags)
{
	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	return socket_moved(sk, ret, DIRECTION_RECEIVED);
}

#endif
