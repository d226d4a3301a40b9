/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the HTTP/1 exchange on a connection stands, and whose it is. Known here
 * and not only in the agent, because a request that is sent while another one
 * is served has left before the agent wakes.
 */
#ifndef THROUGHLINE_EXCHANGE_H
#define THROUGHLINE_EXCHANGE_H

#include "call.h"
#include "conn.h"
#include "join.h"
#include "propagation.h"

#define UNKNOWN_TURNS_MAX 4 /* turns of an unknown protocol before it is left alone */

enum {
	STATUS_SWITCHING_PROTOCOLS = 101,
	STATUS_OK = 200,
	STATUS_NO_CONTENT = 204,
	STATUS_MULTIPLE_CHOICES = 300,
	STATUS_NOT_MODIFIED = 304,
};

static __always_inline u8 request_direction(const struct conn *c)
{
	return c->role == ROLE_CLIENT ? DIRECTION_SENT : DIRECTION_RECEIVED;
}

/* Whether the request that a adopted its context from is still unanswered. */
static __always_inline bool adopted_open(const struct adopted *a)
{
	u64 sock = a->sock;
	struct conn *c = bpf_map_lookup_elem(&conns, &sock);

	return c && c->gen == a->gen && c->exchange != EXCHANGE_NONE &&
	       !__builtin_memcmp(c->ctx.span_id, a->ctx.span_id, 8);
}

/* c's span, with remote's as parent, becomes the SERVER span of its trace. */
SUBPROGRAM void request_adopts(struct conn *c, u64 sock, const struct trace_context *remote)
{
	struct adopted fresh = {}, *known;
	struct adoption key;

	known = trace_adopted(remote, &key);
	fresh.ambiguous = known && (known->ambiguous || adopted_open(known));
	trace_new_child(&c->ctx, remote);
	sampling_adopted(&c->ctx);
	fresh.ctx = c->ctx;
	fresh.sock = sock;
	fresh.gen = c->gen;
	bpf_map_update_elem(&adoptions, &key, &fresh, BPF_ANY);
}

/* Whether the connection on which a task took up its request still waits for the
 * answer. The end of a Unix socket is seen by no hook, only by its inode. */
static __always_inline bool task_conn_open(const struct task *task)
{
	u64 sock = task->sock;
	struct conn *c = bpf_map_lookup_elem(&conns, &sock);

	if (!c || c->gen != task->gen || !(c->flags & CONN_TAKEN))
		return false;
	return c->family != AF_UNIX || sock_inode((struct sock *)sock) == c->inode;
}

/* Of several requests that overlap, the connection of the first alone is known. */
static __always_inline bool task_conn_gone(const struct task *task)
{
	return task->open == 1 && !task->overlapped && !task_conn_open(task);
}

/* The request on c belongs to a task of this process; so do its ids. */
SUBPROGRAM void request_served(struct conn *c, struct sock *sk, const struct target *t,
			       const struct gather *g)
{
	const struct remote *remote = &g->remote;
	struct task_key owner;
	struct task *task;

	c->flags &= ~(CONN_REMOTE_CONTEXT | CONN_OVERLAPPED | CONN_INJECTED);
	if (remote->format) {
		c->flags |= CONN_REMOTE_CONTEXT;
		request_adopts(c, (u64)sk, &remote->ctx);
	} else if (!joining || !join_take(sk, c, JOIN_TURN_BEGINS, &c->ctx)) {
		trace_new_root(&c->ctx);
		remote_decides(&c->ctx, remote);
	}
	context_carry(&c->ctx, g);
	if (c->flags & CONN_TAKEN)
		conn_finish(c); /* never answered, as far as was seen */
	c->exchange = EXCHANGE_OPEN;
	task_current(t, &owner);
	c->owner = owner;
	task = bpf_map_lookup_elem(&tasks, &owner);
	if (task && task_conn_gone(task))
		task->open = 0;
	c->flags |= CONN_TAKEN;
	serving_add(owner.tgid, 1);
	if (!task_take(task, c, (u64)sk))
		c->flags |= CONN_OVERLAPPED;
}

/* A proxy forwards the header that came with its own request: the id on the wire
 * is the caller's, and not this span's. False: the header is the program's own. */
SUBPROGRAM bool request_forwarded(struct conn *c, const struct task *task,
				  const struct trace_context *remote)
{
	struct adoption adoption;
	struct adopted *a;

	if (task && same_trace(&task->ctx, remote) &&
	    !__builtin_memcmp(task->ctx.parent_id, remote->span_id, 8)) {
		trace_new_child(&c->ctx, &task->ctx);
		return true;
	}
	a = trace_adopted(remote, &adoption);
	if (!a)
		return false;
	trace_new_child(&c->ctx, &a->ctx);
	if (a->ambiguous) {
		drop(DROP_CONTEXT_AMBIGUOUS);
		__builtin_memcpy(c->ctx.parent_id, remote->span_id, 8);
	}
	return true;
}

/* The same for a request of which a library's probe has told the span: its header
 * is either the one that came in, or the program's own. */
static __always_inline void prepared_context(struct conn *c, const struct trace_context *remote)
{
	u64 parent;

	if (same_trace(&c->ctx, remote)) {
		if (!__builtin_memcmp(c->caller, remote->span_id, 8))
			return; /* a proxy forwards it */
		if (!__builtin_memcmp(c->ctx.parent_id, remote->span_id, 8))
			return; /* the program has put in what causes the call */
		__builtin_memcpy(&parent, c->ctx.parent_id, 8);
		c->ctx = *remote;
		__builtin_memcpy(c->ctx.parent_id, &parent, 8);
	} else {
		c->ctx = *remote;
	}
	sampling_adopted(&c->ctx);
}

/* The context of a request that the current task sends; remote is what its own header
 * says. True: ours has to be added. */
SUBPROGRAM bool request_made(struct conn *c, const struct target *t, const struct remote *remote)
{
	struct task_key key;
	struct task *task;
	bool overlapped;

	if (c->flags & CONN_PREPARED) {
		c->flags &= ~CONN_PREPARED;
		if (remote->format)
			prepared_context(c, &remote->ctx);
		return !has_own_context(remote);
	}
	task_current(t, &key);
	task = task_serving(&key, &overlapped);
	c->flags &= ~(CONN_REMOTE_CONTEXT | CONN_OVERLAPPED | CONN_INJECTED);
	if (overlapped)
		c->flags |= CONN_OVERLAPPED;
	if (remote->format) {
		c->flags |= CONN_REMOTE_CONTEXT;
		if (!request_forwarded(c, task, &remote->ctx)) {
			/* The program's own SDK: the id on the wire is the one used. */
			c->ctx = remote->ctx;
			sampling_adopted(&c->ctx);
			if (task && same_trace(&task->ctx, &remote->ctx))
				__builtin_memcpy(c->ctx.parent_id, task->ctx.span_id, 8);
		}
		return false;
	}
	if (task)
		trace_new_child(&c->ctx, &task->ctx);
	else
		trace_new_root(&c->ctx);
	return !has_own_context(remote); /* one that is malformed is one too */
}

#define LAST_CHUNK_SIZE 5

/* RFC 9112, 7.1: a chunked body without trailers ends so, behind the line end of
 * the chunk before where that is in the same call. A guess: data may end so too. */
static __always_inline bool last_chunk(const u8 *tail, u32 len)
{
	const u8 *end = tail + ((len - LAST_CHUNK_SIZE) & 3);

	if (len == TAIL_SIZE && (tail[1] != '\r' || tail[2] != '\n'))
		return false;
	return end[0] == '0' && end[1] == '\r' && end[2] == '\n' && end[3] == '\r' &&
	       end[4] == '\n';
}

#define BODY_UNBOUNDED (~0ULL)

static __always_inline bool response_has_no_body(const struct conn *c, u32 status)
{
	return c->flags & CONN_HEAD_REQUEST || status == STATUS_NO_CONTENT ||
	       status == STATUS_NOT_MODIFIED || status < STATUS_OK;
}

/* Bytes of body that a head announces, RFC 9112, 6.3. */
static __always_inline u64 body_declared(const struct conn *c, const struct half *half,
					 u8 direction)
{
	bool response = direction != request_direction(c);

	if (response && response_has_no_body(c, half->status))
		return 0;
	if (half->scan_flags & SCAN_CHUNKED)
		return BODY_UNBOUNDED;
	if (half->scan_flags & SCAN_LENGTH)
		return half->scan_length;
	return response ? BODY_UNBOUNDED : 0;
}

/* Takes the bytes of a call off a body; true when that was the last of it. */
static __always_inline bool body_take(struct half *half, u64 length, bool last_chunk)
{
	if (half->scan_flags & SCAN_CHUNKED) {
		if (last_chunk)
			half->body_left = 0;
		return last_chunk;
	}
	if (half->body_left == BODY_UNBOUNDED)
		return false;
	half->body_left = half->body_left > length ? half->body_left - length : 0;
	return !half->body_left;
}

/* A head has been read to its end, or as far as it is looked at. */
static __always_inline void request_done(struct call *call, struct sock *sk, struct conn *c,
					 struct half *half, const struct target *t)
{
	c->exchange = EXCHANGE_OPEN;
	c->unknown_turns = 0;
	c->flags &= ~CONN_HEAD_REQUEST;
	if (half->scan_flags & SCAN_HEAD)
		c->flags |= CONN_HEAD_REQUEST;
	half->body_left = body_declared(c, half, call->direction);
	/* Requests one behind the other, or a body whose end is a guess. */
	if (call->length - call->used > half->body_left || half->scan_flags & SCAN_CHUNKED)
		inject_never(c);
	body_take(half, call->length - call->used, call->last_chunk);
	if (c->role == ROLE_SERVER) {
		context_of(&call->gather, call->direction);
		request_served(c, sk, t, &call->gather);
	} else if (!(c->flags & CONN_JUDGED)) {
		context_of(&call->gather, call->direction);
		request_made(c, t, &call->gather.remote);
	}
}

static __always_inline void response_done(struct call *call, struct conn *c, struct half *half)
{
	u32 status = half->status;
	const struct half *request = &c->half[request_direction(c) & 1];

	if (status < STATUS_OK && status != STATUS_SWITCHING_PROTOCOLS) {
		c->exchange = EXCHANGE_OPEN; /* 1xx: the final one follows */
		if (call->used < call->length) {
			/* In the same call, where it is not looked at: of the
			 * request nothing is known any more. */
			inject_never(c);
			call->done = 1;
		}
		return;
	}
	c->exchange = EXCHANGE_BODY;
	if (request->body_left)
		inject_never(c); /* answered before it was all sent */
	if (status == STATUS_SWITCHING_PROTOCOLS ||
	    (request->scan_flags & SCAN_CONNECT && status < STATUS_MULTIPLE_CHOICES)) {
		c->flags |= CONN_UPGRADED | CONN_IGNORED;
		c->no_inject = 1;
		call->done = 1;
		return;
	}
	half->body_left = body_declared(c, half, call->direction);
	if (half->body_left)
		call->done = body_take(half, call->length - call->used, call->last_chunk);
	else
		call->done = 1;
}

/* The other side spoke in the middle of a head: gives that one up. */
static __always_inline void head_abandoned(struct conn *c)
{
	bool request = c->exchange == EXCHANGE_REQUEST;

	if (request && c->role != ROLE_UNKNOWN)
		c->exchange = EXCHANGE_OPEN;
	else
		conn_finish(c);
	scan_reset(&c->half[0], SCAN_IDLE);
	scan_reset(&c->half[1], SCAN_IDLE);
}

/* Whether the head that is being read comes in this direction. */
static __always_inline bool head_continues(const struct conn *c, const struct half *half,
					   u8 direction)
{
	if (c->role == ROLE_UNKNOWN)
		return half->scan != SCAN_IDLE && half->scanned;
	return (c->exchange == EXCHANGE_REQUEST) == (direction == request_direction(c));
}

/* What a call means for the exchange before its bytes are looked at: sets the
 * scanner up where a head may begin. */
static __always_inline void exchange_before(struct call *call, struct conn *c, struct half *half)
{
	if (c->exchange == EXCHANGE_REQUEST || c->exchange == EXCHANGE_RESPONSE) {
		if (head_continues(c, half, call->direction)) {
			call->may_hold_head = 1;
			return;
		}
		head_abandoned(c);
	}
	if (c->role != ROLE_UNKNOWN && call->direction != request_direction(c)) {
		if (c->exchange != EXCHANGE_OPEN)
			return;
		scan_reset(half, SCAN_RESPONSE);
		c->exchange = EXCHANGE_RESPONSE;
		call->may_hold_head = 1;
		return;
	}
	/* A request may begin at a turn, unless the last one is still coming in. */
	if (c->exchange == EXCHANGE_OPEN)
		return;
	if (!call->turn) {
		inject_never(c);
		return;
	}
	if (half->body_left && (half->body_left != BODY_UNBOUNDED || c->role == ROLE_CLIENT))
		return;
	if (c->exchange == EXCHANGE_BODY) {
		inject_never(c); /* the response's end was not seen */
		conn_finish(c);
	}
	scan_reset(half, SCAN_REQUEST);
	c->exchange = EXCHANGE_REQUEST;
	call->begins = 1;
	call->may_hold_head = 1;
}

/* A head that is none. */
static __always_inline void head_rejected(struct conn *c, struct half *half)
{
	half->scan_flags = 0;
	if (c->exchange == EXCHANGE_RESPONSE) {
		c->exchange = EXCHANGE_BODY;
		half->body_left = BODY_UNBOUNDED;
		inject_never(c);
		return;
	}
	c->exchange = EXCHANGE_NONE;
	c->unknown_turns++;
	/* Another protocol, or none that is known; the first turn of a connection
	 * that is joined in its middle may be half of anything. */
	if (c->flags & CONN_FROM_START || c->unknown_turns > 1)
		c->no_inject = 1;
	if (c->unknown_turns >= UNKNOWN_TURNS_MAX)
		c->flags |= CONN_IGNORED;
}

/* What the scanned bytes mean. */
static __always_inline void exchange_after(struct call *call, struct sock *sk, struct conn *c,
					   struct half *half, const struct target *t)
{
	if (c->role == ROLE_UNKNOWN && half->scan_flags & SCAN_RECOGNISED)
		c->role = call->direction == DIRECTION_RECEIVED ? ROLE_SERVER : ROLE_CLIENT;
	if (half->scan != SCAN_END && half->scan != SCAN_REJECTED) {
		if (half->scanned < SCAN_MAX && call->used == call->length)
			return; /* more of the head to come */
		drop(DROP_HEAD_TOO_LONG);
		inject_never(c);
		half->scan = half->scan_flags & SCAN_RECOGNISED ? SCAN_END : SCAN_REJECTED;
		call->used = call->length;
	}
	if (half->scan == SCAN_REJECTED)
		head_rejected(c, half);
	else if (c->exchange == EXCHANGE_REQUEST)
		request_done(call, sk, c, half, t);
	else
		response_done(call, c, half);
}

/* A call behind the head. */
static __always_inline void exchange_body(struct call *call, struct conn *c, struct half *half)
{
	bool last;

	if (call->direction == request_direction(c) && call->length > half->body_left)
		inject_never(c); /* more than was announced: the next request */
	last = body_take(half, call->length, call->last_chunk);
	if (c->exchange == EXCHANGE_BODY && call->direction != request_direction(c))
		call->done = last;
}

#endif
