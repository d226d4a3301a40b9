/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connections of targets. */
#ifndef THROUGHLINE_CONN_H
#define THROUGHLINE_CONN_H

#include "events.h"
#include "task.h"

#define NO_DIRECTION 0xff

/* Keyed by the address of the struct sock. Inserted by the first hook that sees
 * the socket of a target (conn_get); deleted by the destroy hook (TCP) and by
 * the agent's sweep (Unix sockets have no such hook). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct conn);
} conns SEC(".maps");

/* How many requests a process has taken up and not yet answered, as its sockets show
 * them; keyed by tgid. Inserted with the first one, deleted by the exit hook. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, s32);
} serving SEC(".maps");

/* The value of a fresh connection: larger than fits beside the rest on the
 * stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct conn);
} conn_blank SEC(".maps");

static __always_inline u64 sock_inode(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

static __always_inline u16 sock_family(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family);
}

static __always_inline bool sock_is_stream(struct sock *sk, u16 family)
{
	if (family == AF_INET || family == AF_INET6)
		return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
	return family == AF_UNIX && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

static __always_inline u32 sock_seq(struct sock *sk, u8 direction)
{
	struct tcp_sock *tp = (void *)sk;

	return direction == DIRECTION_SENT ? BPF_CORE_READ(tp, write_seq) :
					     BPF_CORE_READ(tp, copied_seq);
}

static __always_inline void open_unix(struct open_event *e, struct sock *sk)
{
	struct unix_sock *u = (void *)sk;
	struct unix_address *a = BPF_CORE_READ(u, addr);
	u32 len;

	if (!a) {
		struct unix_sock *peer = (void *)BPF_CORE_READ(u, peer);

		a = BPF_CORE_READ(peer, addr);
	}
	if (!a)
		return;
	len = BPF_CORE_READ(a, len);
	if (len <= sizeof(u16))
		return;
	len -= sizeof(u16); /* sun_family */
	if (len > UNIX_PATH_SIZE)
		len = UNIX_PATH_SIZE;
	/* BTF has the flexible array's offset, read as one. */
	bpf_probe_read_kernel(e->path, len,
			      (void *)a + bpf_core_field_offset(struct unix_address, name) +
				      sizeof(u16));
	e->path_len = len;
}

static __always_inline void open_inet(struct open_event *e, struct sock *sk)
{
	e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (e->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)e->local, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)e->remote, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)e->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)e->remote, sk, __sk_common.skc_v6_daddr);
	}
}

static __always_inline void event_from_conn(struct event_header *h, struct sock *sk,
					    const struct conn *c)
{
	h->tgid = c->tgid;
	h->sock = (u64)sk;
	h->gen = c->gen;
}

/* Sent with the first bytes: a connecting socket has no local port before. */
SUBPROGRAM void conn_announce(struct sock *sk, const struct conn *c)
{
	struct open_event *e = event_reserve(sizeof(*e), EVENT_OPEN);

	if (!e)
		return;
	event_from_conn(&e->h, sk, c);
	e->family = c->family;
	e->active = !!(c->flags & CONN_ACTIVE);
	e->from_start = !!(c->flags & CONN_FROM_START);
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (c->family == AF_UNIX)
		open_unix(e, sk);
	else
		open_inet(e, sk);
	event_submit(e, BPF_RB_NO_WAKEUP);
}

static __always_inline struct conn *conn_insert(struct sock *sk, u16 family, u32 tgid)
{
	u64 key = (u64)sk;
	u32 zero = 0;
	struct conn *blank = bpf_map_lookup_elem(&conn_blank, &zero);
	struct conn *c;

	if (!blank || bpf_map_update_elem(&conns, &key, blank, BPF_ANY)) {
		drop(DROP_CONNS_FULL);
		return NULL;
	}
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return NULL;
	c->gen = bpf_ktime_get_ns();
	c->family = family;
	c->tgid = tgid;
	c->direction = NO_DIRECTION;
	return c;
}

/* Nothing will be added to what the connection sends. */
static __always_inline void inject_never(struct conn *c)
{
	if (!c->no_inject && c->role == ROLE_CLIENT)
		drop(DROP_INJECT_UNCERTAIN);
	c->no_inject = 1;
}

/* Lets the agent take the connection out of the sockmap: a socket there behaves
 * almost, but not altogether, like others (net/ipv4/tcp_bpf.c). */
SUBPROGRAM void conn_leave(struct sock *sk, struct conn *c)
{
	u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	struct leave_event *e;

	c->left = 1;
	if (!cookie)
		return; /* never was in a map */
	e = event_reserve(sizeof(*e), EVENT_LEAVE);
	if (!e)
		return;
	event_from_conn(&e->h, sk, c);
	e->cookie = cookie;
	event_submit(e, BPF_RB_FORCE_WAKEUP);
}

/* Takes note that a request of a process was taken up, or is answered. */
SUBPROGRAM void serving_add(u32 tgid, s32 by)
{
	s32 *open = bpf_map_lookup_elem(&serving, &tgid), none = 0;

	if (!open) {
		bpf_map_update_elem(&serving, &tgid, &none, BPF_NOEXIST);
		open = bpf_map_lookup_elem(&serving, &tgid);
	}
	if (open)
		__sync_fetch_and_add(open, by);
}

/* The request that the connection's owner took up is answered, or will not be. */
static __always_inline void conn_finish(struct conn *c)
{
	struct task_key owner = c->owner;

	c->exchange = EXCHANGE_NONE;
	if (!(c->flags & CONN_TAKEN))
		return;
	c->flags &= ~CONN_TAKEN;
	serving_add(owner.tgid, -1);
	task_done(&owner);
}

/* The connection of a target's socket. NULL: not a stream, or no room. */
static __always_inline struct conn *conn_get(struct sock *sk, u32 tgid)
{
	u64 key = (u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	u64 inode = 0;
	u16 family;

	if (c && c->family != AF_UNIX)
		return c;
	family = c ? AF_UNIX : sock_family(sk);
	if (family == AF_UNIX) {
		inode = sock_inode(sk);
		if (c && c->inode == inode)
			return c;
	}
	if (!sock_is_stream(sk, family))
		return NULL;
	if (c)
		conn_finish(c); /* a Unix socket that is gone had this address */
	c = conn_insert(sk, family, tgid);
	if (c)
		c->inode = inode;
	return c;
}

/* Counts a call that moved length bytes. TCP's own sequence numbers tell of bytes
 * that passed without a hook (sendfile, splice, io_uring). Returns the offset
 * of the call's first byte. */
static __always_inline u64 conn_account(struct sock *sk, struct conn *c, u8 direction, u32 length,
					u64 now)
{
	struct half *half = &c->half[direction & 1];
	u64 offset = half->bytes;

	if (c->family != AF_UNIX) {
		u32 seq = sock_seq(sk, direction);
		u32 moved = seq - half->seq;

		if (direction == DIRECTION_SENT) {
			moved -= c->injected;
			c->injected = 0;
		}
		if (half->seq && moved > length && moved < 1U << 31) {
			offset += moved - length;
			half->last = now;
		} else if (half->seq && moved < length && offset >= length - moved) {
			/* Counted already, by a hook that ran while these moved. */
			offset -= length - moved;
		}
		half->seq = seq;
	}
	half->bytes = offset + length;
	return offset;
}

/* The target sends no more. The FIN that is about to be queued takes a sequence
 * number (RFC 9293, 3.4) and is no byte. */
static __always_inline void conn_half_closed(struct sock *sk, struct conn *c)
{
	conn_account(sk, c, DIRECTION_SENT, 0, bpf_ktime_get_ns());
	c->half[DIRECTION_SENT].seq++;
}

/* Says once that the connection ended. */
static __always_inline void conn_close(struct sock *sk, struct conn *c, u8 reason, int error)
{
	struct close_event *e;

	if (c->flags & CONN_CLOSED)
		return;
	c->flags |= CONN_CLOSED;
	if (c->direction == NO_DIRECTION)
		return; /* never announced */
	conn_account(sk, c, DIRECTION_SENT, 0, bpf_ktime_get_ns());
	e = event_reserve(sizeof(*e), EVENT_CLOSE);
	if (e) {
		struct half *in = &c->half[DIRECTION_RECEIVED];
		struct half *out = &c->half[DIRECTION_SENT];

		event_from_conn(&e->h, sk, c);
		e->h.ctx = c->ctx;
		e->received_bytes = in->bytes;
		e->sent_bytes = out->bytes;
		e->last_received = in->last;
		e->last_sent = out->last;
		__builtin_memcpy(e->received_tail, in->tail, TAIL_SIZE);
		__builtin_memcpy(e->sent_tail, out->tail, TAIL_SIZE);
		e->received_tail_len = in->tail_len;
		e->sent_tail_len = out->tail_len;
		e->reason = reason;
		e->error = error;
		event_submit(e, wakeup());
	}
	conn_finish(c);
}

#endif
