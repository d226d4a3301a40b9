// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Puts trace context into the plaintext HTTP/1 requests that targets send: a block of
 * whole header lines behind the request line, or nothing. Whatever is not known for
 * certain to be the head of a request is left as it is. HTTP/2: inject_http2.h.
 */
#include "block.h"
#include "head.h"
#include "inject_http2.h"

#define HEAD_MAX 2048 /* a longer head is left alone */

_Static_assert(HEAD_MAX <= SCAN_MAX, "the scanner looks at the whole head");

/* Whether headers are added at all, or only looked for. Set by the agent. */
const volatile bool pushing = true;

/* Connections on which targets send requests, keyed by socket cookie. Inserted
 * by track_connection and the agent; a socket leaves when it is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, u32);
} inject_sockets SEC(".maps");

/* The slots' users: these programs can be preempted by one another, and the
 * kernel does not keep a second one off the CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} inject_users SEC(".maps");

SEC("sockops")
int track_connection(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct conn *c;
	u64 key = (u64)sk;

	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || !sk)
		return 1;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c || !(c->flags & CONN_ACTIVE) || c->no_inject || c->no_sockmap)
		return 1; /* no target's */
	key = bpf_get_socket_cookie(ops);
	bpf_sock_hash_update(ops, &inject_sockets, &key, BPF_NOEXIST);
	return 1;
}

/* Copies the message's first bytes to the slot, returns how many. Global, like
 * call_scan, for the verifier's sake. */
__noinline int message_copy(struct sk_msg_md *msg)
{
	u64 len = msg->size < HEAD_MAX ? msg->size : HEAD_MAX;
	u32 slot = SLOT_INJECT;
	struct call *call = bpf_map_lookup_elem(&calls, &slot);
	if (!call || bpf_msg_pull_data(msg, 0, len, 0))
		return 0;
	asm volatile("" : "+r"(len));
	if (len > HEAD_MAX || len > (u64)(msg->data_end - msg->data) ||
	    bpf_probe_read_kernel(call->record + sizeof(struct data_event), len, msg->data))
		return 0;
	return len;
}

/* The message's own bytes before at end a line, which does not go on behind at (RFC
 * 9112, 2.2 and 5.2: what begins with a space would continue the line put in): the
 * scanner looked at a copy, and a head has at least a line end more. */
static __always_inline bool line_ends_at(struct sk_msg_md *msg, u32 at)
{
	u8 *end = msg->data_end, *last;

	if (at < 2 || at > HEAD_MAX)
		return false;
	last = (u8 *)msg->data + (at - 1);
	barrier_var(last);
	return last + 2 <= end && *last == '\n' && last[1] != ' ' && last[1] != '\t';
}

/* Puts the block into the room that was made for it: whole words, and one that ends
 * with it. False: there is not all of it. */
__noinline int block_copy(struct sk_msg_md *msg)
{
	u8 *data = msg->data, *end = msg->data_end, *last;
	struct block *b = block_current();
	u32 at = 0, rest;

	if (!b || b->len < 8 || b->len != (u64)(msg->data_end - msg->data))
		return 0;
	rest = b->len - 8;
	barrier_var(rest);
	if (rest > BLOCK_LINES_MAX)
		return 0;
	last = data + rest;
	if (last + 8 > end)
		return 0;
	__builtin_memcpy(last, b->text + rest, 8);
	for (u32 i = 0; i < BLOCK_LINES_MAX / 8; i++, data += 8, at += 8) {
		if (data + 8 > end)
			break;
		__builtin_memcpy(data, b->text + at, 8);
	}
	return 1;
}

/* Puts the block into the message, all of it or nothing. */
static __always_inline bool block_push(struct sk_msg_md *msg, u32 at, u32 len)
{
	if (bpf_msg_push_data(msg, at, len, 0))
		return false;
	/* The pushed bytes are an element of their own: to make them readable
	 * nothing has to be allocated, so this cannot fail. If it did, the bytes
	 * have to go again. */
	if (!bpf_msg_pull_data(msg, at, at + len, 0) && block_copy(msg))
		return true;
	bpf_msg_pop_data(msg, at, len, 0);
	return false;
}

/* The message's socket as an address that may be read from: the verifier lets nobody
 * add to the context's own pointer, and forgets what is in a map. */
static __always_inline struct sock *message_socket(const struct sk_msg_md *msg, struct call *call)
{
	volatile u64 *at = &call->offset;

	*at = (u64)msg->sk;
	return (struct sock *)*at;
}

/* Makes the header lines that say c's span; returns how many bytes. */
static __always_inline u32 block_of(const struct conn *c, const struct remote *remote)
{
	struct block *b = block_current();

	if (!b)
		return 0;
	b->ctx = c->ctx;
	__builtin_memcpy(&b->carrier, c->ctx.parent_id, 8);
	b->without = remote->fields;
	block_compose();
	return b->len;
}

static __always_inline void judge(struct sk_msg_md *msg, struct conn *c, struct call *call,
				  const struct target *t)
{
	struct scan *s = &call->scan;
	bool welcome = false;
	u32 at, len;

	if (!head_judge(c, call, SLOT_INJECT, message_copy(msg), t))
		return;
	if (joining)
		welcome = join_leave(message_socket(msg, call), c, &c->ctx);
	if (welcome && !carried_of(c->ctx.parent_id))
		return; /* a header is of no use, and nothing goes on with it */
	if (!pushing || s->flags & SCAN_CONNECT)
		return;
	at = s->first_line;
	if (!line_ends_at(msg, at))
		return;
	len = block_of(c, &call->gather.remote);
	if (!len)
		return;
	if (!block_push(msg, at, len)) {
		drop(DROP_INJECT_NO_ROOM);
		return;
	}
	c->flags |= CONN_INJECTED;
	c->injected += len;
	count(COUNT_INJECTED, 1);
}

SEC("sk_msg")
int inject_request(struct sk_msg_md *msg)
{
	u64 key = (u64)msg->sk;
	u64 id = bpf_get_current_pid_tgid();
	u32 slot = SLOT_INJECT, zero = 0;
	const struct target *t = target_current();
	struct call *call;
	struct conn *c;
	u64 *user;

	if (!t)
		return SK_PASS;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c || (pushing && inject_http2(msg, key, c)))
		return SK_PASS;
	if (c->sending)
		return SK_PASS; /* in the middle of a send */
	c->sending = 1;		/* until the send's own hook */
	if (!request_may_begin(c))
		return SK_PASS;
	call = bpf_map_lookup_elem(&calls, &slot);
	user = bpf_map_lookup_elem(&inject_users, &zero);
	if (!call || !user || *user) {
		drop(DROP_INJECT_BUSY);
		return SK_PASS;
	}
	*user = id;
	judge(msg, c, call, t);
	*user = 0;
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
