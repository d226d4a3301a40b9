/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Plaintext HTTP/2 with prior knowledge (RFC 9113, 3.3) as a client sends it: where
 * its frames begin. Only sk_msg looks at the bytes; the hook behind each send says
 * whether they all left.
 */
#ifndef THROUGHLINE_HTTP2_H
#define THROUGHLINE_HTTP2_H

#include "conn.h"

/* What is known of a connection's frames. */
struct http2_send {
	u64 gen;
	u32 frame_left;	 /* bytes of the last frame that are still to be sent */
	u32 last_stream; /* the youngest that was opened */
	u32 looked;	 /* bytes of the send under way */
	/* As it was before that send, which may fail. */
	u32 frame_left_before;
	u32 last_stream_before;
	u32 reserved;
};

/* Keyed by the address of the struct sock. Inserted with the connection preface by
 * sk_msg; evicted by age, and then nothing is added to the connection any more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct http2_send);
} http2_sends SEC(".maps");

static __always_inline struct http2_send *http2_send(u64 sock, const struct conn *c)
{
	struct http2_send *s = bpf_map_lookup_elem(&http2_sends, &sock);

	return s && s->gen == c->gen ? s : NULL;
}

/* Its frames are not known any more, or may not be touched. */
static __always_inline void http2_leave(struct sock *sk, struct conn *c)
{
	c->no_inject = 1;
	if (!c->left)
		conn_leave(sk, c);
	c->flags |= CONN_IGNORED;
	c->flags &= ~CONN_HTTP2;
}

/* The send that sk_msg looked at has ended: it moved ret bytes, or failed. */
SUBPROGRAM void http2_sent(struct sock *sk, struct conn *c, int ret)
{
	struct http2_send *s = http2_send((u64)sk, c);

	c->sending = 0;
	if (s && ret < 0) {
		s->frame_left = s->frame_left_before;
		s->last_stream = s->last_stream_before;
	} else if (c->no_inject || !s || s->looked != (u32)ret) {
		http2_leave(sk, c);
		return;
	}
	s->looked = 0;
}

#endif
