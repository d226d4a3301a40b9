/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Joins: who sends a request leaves its span where the target that receives it, on the
 * same host, finds it. Nothing is added to the bytes. The two ends of a connection meet
 * by TCP's own numbers (RFC 9293, 3.4), which address translation, TLS and network
 * namespaces leave as they are: the two initial sequence numbers name the connection,
 * and the request is the one whose first byte has the number that was left. Unix sockets
 * know their peer; there, a join is left if nothing else waits to be received.
 */
#ifndef THROUGHLINE_JOIN_H
#define THROUGHLINE_JOIN_H

#include "conn.h"
#include "trace.h"

/* Whether requests are joined at all. Set by the agent. */
const volatile bool joining;

/* A connection, named alike by both of its ends: the first number that each of them
 * gives to a byte. */
struct join_key {
	u32 client;
	u32 server;
};

struct join {
	/* Once more: a value of an LRU map may be another's while it is read. First,
	 * since it is written first and read last. */
	struct join_key key;
	struct trace_context ctx; /* CLIENT span of the request */
	u32 seq;		  /* TCP sequence of its first byte */
	u8 taken;		  /* by the request that it was left for */
	u8 welcome;		  /* the receiver finds its joins, and reads no headers */
	u8 reserved[2];
};

/* The last request that was sent on each connection. Inserted by who sends, before the
 * bytes leave; overwritten by the connection's next request, evicted by age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct join_key);
	__type(value, struct join);
} joins SEC(".maps");

/* What the kernel counts of a connection, with the sequence number that it led to. */
struct join_counts {
	u64 acked;
	u64 received;
	u32 una;
	u32 next;
};

static __always_inline void counts_read(struct sock *sk, struct join_counts *n)
{
	struct tcp_sock *tp = (void *)sk;

	n->acked = BPF_CORE_READ(tp, bytes_acked);
	n->received = BPF_CORE_READ(tp, bytes_received);
	n->una = BPF_CORE_READ(tp, snd_una);
	n->next = BPF_CORE_READ(tp, rcv_nxt);
}

#define COUNTS_TRIES 3

/*
 * Names the connection of a socket. A count less what it counts is constant: tcp_ack and
 * tcp_rcv_nxt_update (net/ipv4/tcp_input.c) move both by the same. What one's own SYN
 * took is in bytes_acked of the end that opened the connection and of that one alone; a
 * connection on which the other end sends the requests gets two names, so no joins.
 * False: a packet came at each try.
 */
SUBPROGRAM bool join_key_tcp(struct sock *sk, u8 role, struct join_key *key)
{
	struct join_counts n = {}, again = {};
	u32 own, peer;

	counts_read(sk, &n);
	for (u32 i = 0; i < COUNTS_TRIES; i++) {
		counts_read(sk, &again);
		if (!__builtin_memcmp(&n, &again, sizeof(n))) {
			own = n.una - (u32)n.acked;
			peer = n.next - (u32)n.received;
			key->client = role == ROLE_CLIENT ? own + 1 : peer;
			key->server = role == ROLE_CLIENT ? peer : own;
			return true;
		}
		n = again;
	}
	return false;
}

/* Names a connection of Unix sockets by the inode of the end that opened it, a number that
 * is given anew after 2^32 sockets. An end that is closed has none. */
static __always_inline bool join_key_unix(struct sock *sk, u8 role, struct join_key *key)
{
	struct unix_sock *u = (void *)sk;
	struct sock *client = role == ROLE_CLIENT ? sk : BPF_CORE_READ(u, peer);

	if (!client)
		return false;
	key->client = sock_inode(client);
	key->server = 0;
	return key->client;
}

static __always_inline bool join_key(struct sock *sk, const struct conn *c, u8 role,
				     struct join_key *key)
{
	if (c->family == AF_UNIX)
		return join_key_unix(sk, role, key);
	return join_key_tcp(sk, role, key);
}

/* Leaves the span of the request that c sends next for its receiver. True: that one
 * needs no header, as it has said. */
SUBPROGRAM bool join_leave(struct sock *sk, const struct conn *c, const struct trace_context *ctx)
{
	struct join_key key;
	struct join *known, fresh = {};

	if (!join_key(sk, c, ROLE_CLIENT, &key))
		return false;
	known = bpf_map_lookup_elem(&joins, &key);
	if (known)
		fresh.welcome = known->welcome;
	fresh.key = key;
	fresh.ctx = *ctx;
	if (c->family != AF_UNIX) /* whose request is the next byte to be received */
		fresh.seq = sock_seq(sk, DIRECTION_SENT);
	bpf_map_update_elem(&joins, &key, &fresh, BPF_ANY);
	return fresh.welcome;
}

/* What was left is for bytes that were not sent: others will have their number. */
SUBPROGRAM void join_forget(struct sock *sk, const struct conn *c)
{
	struct join_key key;

	if (join_key(sk, c, ROLE_CLIENT, &key))
		bpf_map_delete_elem(&joins, &key);
}

/* How much is known of where a request begins. */
enum join_place {
	JOIN_TURN_BEGINS, /* with the first byte of what was received since the last answer */
	JOIN_IN_TURN,	  /* somewhere in it: under TLS there are other messages */
};

/* Whether what was left is for the request that c has received just now. */
static __always_inline bool join_fits(const struct join *j, struct sock *sk, const struct conn *c,
				      u32 place)
{
	if (j->taken)
		return false;
	if (place == JOIN_TURN_BEGINS)
		return j->seq == c->turn_seq;
	if (c->family == AF_UNIX)
		return false;
	return (s32)(j->seq - c->turn_seq) >= 0 &&
	       (s32)(sock_seq(sk, DIRECTION_RECEIVED) - j->seq) > 0;
}

/* The request that c has received becomes the child of who sent it, if that is known
 * for certain. */
SUBPROGRAM bool join_take(struct sock *sk, const struct conn *c, u32 place,
			  struct trace_context *ctx)
{
	struct trace_context sent;
	struct join_key key;
	struct join *j;
	bool fits;

	if (!join_key(sk, c, ROLE_SERVER, &key))
		return false;
	j = bpf_map_lookup_elem(&joins, &key);
	if (!j)
		return false;
	fits = join_fits(j, sk, c, place);
	sent = j->ctx;
	barrier();
	if (!fits || __builtin_memcmp(&j->key, &key, sizeof(key))) {
		drop(DROP_JOIN_AMBIGUOUS);
		return false;
	}
	j->taken = 1;
	trace_new_child(ctx, &sent);
	if (!sampler_parent_based)
		sampling_adopted(ctx); /* it may have come from another agent */
	count(COUNT_JOINED, 1);
	return true;
}

/* Tells who sends on this connection that headers are of no use to c's process: it finds
 * its joins, and no code of its own that traces reads them. */
SUBPROGRAM void join_welcome(struct sock *sk, struct conn *c)
{
	struct join_key key;
	struct join *j;

	if (c->join_welcome || c->family == AF_UNIX || !join_key(sk, c, ROLE_SERVER, &key))
		return;
	j = bpf_map_lookup_elem(&joins, &key);
	if (!j || __builtin_memcmp(&j->key, &key, sizeof(key)))
		return;
	j->welcome = 1;
	c->join_welcome = 1;
}

#endif
