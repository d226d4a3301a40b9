// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Carries joins (join.h) to another host, whose agent has a map of its own, in an
 * experimental TCP option of the segment that begins the request. Who connects announces
 * it on the SYN and writes contexts once a server with an agent has answered.
 *
 * What is left out, and why, is said in docs/design.md. Header options exist since
 * Linux 5.10 (bpf_skops_* in net/ipv4/tcp_input.c and tcp_output.c, which call with the
 * socket locked).
 */
#include "join.h"

/* RFC 6994: kind, length, identifier; then 16 bytes of trace id and 8 of span id. Beside
 * timestamps there is room for these 28 and no more, so the trace's flags are the lowest
 * two bits of the identifier. It is not registered. */
#define OPTION_KIND 254
#define OPTION_ID 0x5450
#define ANNOUNCEMENT_SIZE 4
#define CONTEXT_SIZE 28

#define TCP_HEADER_SIZE 20 /* without options: RFC 9293, 3.1 */
#define TCP_OPTIONS_SIZE 40
#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* Of a smaller MSS (bytes) the option would take too much. */
#define MSS_MIN 256

/*
 * What the kernel is asked to call for is all the state that a connection has:
 *   CALLS_WRITE                 connecting; or the server has answered: contexts are written
 *   CALLS_WRITE | CALLS_PARSE   what is sent first announces, or answers
 *   CALLS_PARSE                 contexts are read, or an answer that comes late
 * CALLS_PARSE is for segments with unknown options alone, so it costs nothing elsewhere.
 */
#define CALLS_WRITE BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG
#define CALLS_PARSE BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG
#define CALLS (CALLS_WRITE | CALLS_PARSE)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct tcp_skb_cb { /* in sk_buff.cb */
	u32 seq;
	u16 tcp_gso_size; /* bytes of data in each segment; 0: it is one segment */
};

struct bpf_sock_ops_kern { /* what struct bpf_sock_ops is */
	struct sk_buff *skb;
	struct sock *sk;
	u8 remaining_opt_len;
};

struct tcp_sock___option {
	u16 tcp_header_len; /* that mss_cache reckons with */
};

#pragma clang attribute pop

struct tcp_header {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

struct announcement {
	u8 kind;
	u8 len;
	__be16 id;
};

struct context_option {
	struct announcement head;
	u8 trace_id[16];
	u8 span_id[8];
};

_Static_assert(sizeof(struct announcement) == ANNOUNCEMENT_SIZE, "no padding");
_Static_assert(sizeof(struct context_option) == CONTEXT_SIZE, "no padding");

static __always_inline void calls_set(struct bpf_sock_ops *ops, u32 calls)
{
	u32 others = ops->bpf_sock_ops_cb_flags & ~CALLS;

	bpf_sock_ops_cb_flags_set(ops, others | calls);
}

#define ANNOUNCEMENT { OPTION_KIND, ANNOUNCEMENT_SIZE, bpf_htons(OPTION_ID) }

static __always_inline bool announced_in(struct bpf_sock_ops *ops, u64 where)
{
	struct announcement a = ANNOUNCEMENT;

	return bpf_load_hdr_opt(ops, &a, sizeof(a), where) == ANNOUNCEMENT_SIZE;
}

/* Whether the segment that has come announces, or answers: it is the same. */
static __always_inline bool announced(struct bpf_sock_ops *ops)
{
	return announced_in(ops, 0);
}

/* connect(): a target's connection is known by then (life.bpf.c). */
static __always_inline void connecting(struct bpf_sock_ops *ops)
{
	u64 key = (u64)ops->sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (c && c->flags & CONN_ACTIVE)
		calls_set(ops, CALLS_WRITE);
}

/* A server that has listened since before its agent says nothing to a SYN, but sees who
 * completes the handshake: that is asked once more. What had to send its SYN again asks
 * for nothing: it may be the option that the path does not let through. */
static __always_inline void connected(struct bpf_sock_ops *ops)
{
	if (!(ops->bpf_sock_ops_cb_flags & CALLS_WRITE))
		return;
	if (announced(ops))
		calls_set(ops, CALLS_WRITE);
	else
		calls_set(ops, ops->total_retrans ? 0 : CALLS);
}

static __always_inline u32 tgid_current(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, tgid);
}

/* listen(): the sockets that it accepts inherit the flag. */
static __always_inline void listening(struct bpf_sock_ops *ops)
{
	u32 tgid = tgid_current();

	if (bpf_map_lookup_elem(&targets, &tgid))
		calls_set(ops, CALLS_WRITE);
}

static __always_inline void accepted(struct bpf_sock_ops *ops)
{
	if (announced(ops))
		calls_set(ops, CALLS);
	else if (ops->bpf_sock_ops_cb_flags & CALLS_WRITE)
		calls_set(ops, CALLS_PARSE); /* the SYN was answered, if it asked */
}

/* The connection as join.h names it; the socket is locked, so one reading is enough. */
static __always_inline struct join *join_of(struct bpf_sock_ops *ops, u8 role, struct join_key *key)
{
	u32 own = ops->snd_una - (u32)ops->bytes_acked;
	u32 peer = ops->rcv_nxt - (u32)ops->bytes_received;
	struct join *j;

	key->client = role == ROLE_CLIENT ? own + 1 : peer;
	key->server = role == ROLE_CLIENT ? peer : own;
	j = bpf_map_lookup_elem(&joins, key);
	return j && !__builtin_memcmp(&j->key, key, sizeof(*key)) ? j : NULL;
}

/* The request that is to be written of: not acknowledged as yet, and without a header. */
static __always_inline struct join *join_to_write(struct bpf_sock_ops *ops, struct join_key *key)
{
	u64 sk = (u64)ops->sk;
	struct join *j = join_of(ops, ROLE_CLIENT, key);
	struct conn *c;

	if (!j || (s32)(j->seq - ops->snd_una) < 0)
		return NULL;
	c = bpf_map_lookup_elem(&conns, &sk);
	return c && !(c->flags & CONN_INJECTED) ? j : NULL;
}

/* Where a segment begins, and how much data each packet of it has. */
struct segment {
	u32 seq;
	u32 len;
	u32 packet;
};

static __always_inline void segment_read(struct bpf_sock_ops *ops, struct segment *s)
{
	struct bpf_sock_ops_kern *kern = (void *)ops;
	struct sk_buff *skb = BPF_CORE_READ(kern, skb);
	struct tcp_skb_cb *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	u16 gso = BPF_CORE_READ(cb, tcp_gso_size);

	s->seq = BPF_CORE_READ(cb, seq);
	s->len = ops->skb_len; /* its header is not there yet */
	s->packet = gso ? gso : s->len;
}

/* Whether a packet with so many bytes of options more is none too large for the path.
 * tcp_current_mss reckons with them if it is asked in time; a segment that was cut
 * before is left as it is. */
static __always_inline bool segment_fits(struct bpf_sock_ops *ops, const struct segment *s,
					 u32 size)
{
	struct bpf_sock_ops_kern *kern = (void *)ops;
	struct tcp_sock___option *tp = (void *)BPF_CORE_READ(kern, sk);
	u32 options = TCP_OPTIONS_SIZE - BPF_CORE_READ(kern, remaining_opt_len);
	u32 usual = BPF_CORE_READ(tp, tcp_header_len);

	return TCP_HEADER_SIZE + options + size + s->packet <= usual + ops->mss_cache;
}

static __always_inline void context_reserve(struct bpf_sock_ops *ops)
{
	struct join_key key;
	struct join *j = join_to_write(ops, &key);
	struct segment s;
	u32 behind;

	if (!j || ops->mss_cache < MSS_MIN)
		return;
	if (ops->args[0] == BPF_WRITE_HDR_TCP_CURRENT_MSS) {
		bpf_reserve_hdr_opt(ops, CONTEXT_SIZE, 0); /* or there is no room */
		return;
	}
	segment_read(ops, &s);
	behind = j->seq - s.seq;
	if (behind >= s.len)
		return; /* another segment, or one without data */
	if (!behind && segment_fits(ops, &s, CONTEXT_SIZE) &&
	    !bpf_reserve_hdr_opt(ops, CONTEXT_SIZE, 0))
		return;
	if (s.seq == ops->snd_nxt) /* not a retransmission */
		drop(DROP_TCP_OPTION_NO_ROOM);
}

/* Behind the handshake: until data is acknowledged, and never twice with the same. */
static __always_inline void announcement_reserve(struct bpf_sock_ops *ops)
{
	struct segment s;

	if (ops->bytes_acked > 1) { /* the client's SYN is one */
		calls_set(ops, CALLS_PARSE);
		return;
	}
	if (ops->mss_cache < MSS_MIN)
		return;
	if (ops->args[0] != BPF_WRITE_HDR_TCP_CURRENT_MSS) {
		segment_read(ops, &s);
		if (s.seq != ops->snd_nxt || !segment_fits(ops, &s, ANNOUNCEMENT_SIZE))
			return;
	}
	bpf_reserve_hdr_opt(ops, ANNOUNCEMENT_SIZE, 0);
}

/* Whether a SYN announces: one that has to be sent again does not, since it may be
 * the option that something on the path does not let through. */
static __always_inline bool syn_announces(struct bpf_sock_ops *ops)
{
	if (ops->skb_tcp_flags & TCP_ACK)
		return announced_in(ops, BPF_LOAD_HDR_OPT_TCP_SYN);
	return !ops->total_retrans;
}

static __always_inline void option_reserve(struct bpf_sock_ops *ops)
{
	if (ops->skb_tcp_flags & TCP_SYN) {
		if (syn_announces(ops))
			bpf_reserve_hdr_opt(ops, ANNOUNCEMENT_SIZE, 0);
	} else if (ops->bpf_sock_ops_cb_flags & CALLS_PARSE) {
		announcement_reserve(ops);
	} else {
		context_reserve(ops);
	}
}

static __always_inline void announcement_write(struct bpf_sock_ops *ops)
{
	struct announcement a = ANNOUNCEMENT;

	bpf_store_hdr_opt(ops, &a, sizeof(a), 0);
}

static __always_inline bool packet_seq(struct bpf_sock_ops *ops, u32 *seq)
{
	struct tcp_header *h = ops->skb_data;

	if ((void *)(h + 1) > ops->skb_data_end)
		return false;
	*seq = bpf_ntohl(h->seq);
	return true;
}

static __always_inline void context_write(struct bpf_sock_ops *ops)
{
	struct context_option o = {};
	struct join_key key;
	struct join *j = join_to_write(ops, &key);
	u32 seq;

	if (!j || !packet_seq(ops, &seq) || seq != j->seq)
		return;
	o.head.kind = OPTION_KIND;
	o.head.len = CONTEXT_SIZE;
	o.head.id = bpf_htons(OPTION_ID | (j->ctx.flags & TRACE_FLAGS));
	__builtin_memcpy(o.trace_id, j->ctx.trace_id, sizeof(o.trace_id));
	__builtin_memcpy(o.span_id, j->ctx.span_id, sizeof(o.span_id));
	barrier();
	if (__builtin_memcmp(&j->key, &key, sizeof(key)))
		return; /* the map gave it to another connection meanwhile */
	if (!bpf_store_hdr_opt(ops, &o, sizeof(o), 0) && seq == ops->snd_nxt)
		count(COUNT_TCP_OPTION_WRITTEN, 1);
}

/* Called where anything was reserved, be it by another program. */
static __always_inline void option_write(struct bpf_sock_ops *ops)
{
	if (ops->skb_tcp_flags & TCP_SYN) {
		if (syn_announces(ops))
			announcement_write(ops);
	} else if (ops->bpf_sock_ops_cb_flags & CALLS_PARSE) {
		announcement_write(ops);
	} else {
		context_write(ops);
	}
}

static __always_inline bool is_zero(const u8 *bytes, u32 words)
{
	u32 seen = 0, word;

	for (u32 i = 0; i < words; i++) {
		__builtin_memcpy(&word, bytes + i * 4, 4);
		seen |= word;
	}
	return !seen;
}

/* Finds a context among the segment's options. What it says is the peer's to say: any
 * ids but the invalid ones. */
static __always_inline bool context_read(struct bpf_sock_ops *ops, struct trace_context *ctx)
{
	struct context_option o = {};
	long len = 0;

	for (u32 i = 0; i <= TRACE_FLAGS && len <= 0; i++) {
		/* The likely one first: sampled. */
		ctx->flags = (i + TRACE_SAMPLED) & TRACE_FLAGS;
		o.head.kind = OPTION_KIND;
		o.head.len = ANNOUNCEMENT_SIZE; /* of what is compared */
		o.head.id = bpf_htons(OPTION_ID | ctx->flags);
		len = bpf_load_hdr_opt(ops, &o, sizeof(o), 0);
	}
	if (len <= 0)
		return false; /* somebody else's */
	if (len != CONTEXT_SIZE || is_zero(o.trace_id, 4) || is_zero(o.span_id, 2)) {
		if (len != ANNOUNCEMENT_SIZE || ctx->flags)
			drop(DROP_TCP_OPTION_INVALID);
		return false;
	}
	__builtin_memcpy(ctx->trace_id, o.trace_id, sizeof(o.trace_id));
	__builtin_memcpy(ctx->span_id, o.span_id, sizeof(o.span_id));
	return true;
}

/*
 * A context that came is left for the request that begins with the segment. The device
 * copies the option to each packet that it cuts of a segment, and they may come in any
 * order; none of them is behind what the connection's next request brought.
 */
static __always_inline void context_receive(struct bpf_sock_ops *ops)
{
	struct join fresh = {};
	struct join *known;
	bool earlier;

	if (!context_read(ops, &fresh.ctx) || !packet_seq(ops, &fresh.seq))
		return;
	known = join_of(ops, ROLE_SERVER, &fresh.key);
	earlier = known && (s32)(fresh.seq - known->seq) < 0;
	if (known && !__builtin_memcmp(known->ctx.span_id, fresh.ctx.span_id, 8)) {
		if (!known->taken && earlier)
			known->seq = fresh.seq;
		return;
	}
	if (earlier)
		return;
	bpf_map_update_elem(&joins, &fresh.key, &fresh, BPF_ANY);
	count(COUNT_TCP_OPTION_READ, 1);
}

static __always_inline void option_receive(struct bpf_sock_ops *ops)
{
	u64 key = (u64)ops->sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!(c && c->flags & CONN_ACTIVE))
		context_receive(ops);
	else if (announced(ops))
		calls_set(ops, CALLS_WRITE);
}

SEC("sockops")
int carry_joins(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		connecting(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		connected(ops);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		listening(ops);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		accepted(ops);
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		option_reserve(ops);
		break;
	case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
		option_write(ops);
		break;
	case BPF_SOCK_OPS_PARSE_HDR_OPT_CB:
		option_receive(ops);
		break;
	}
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
