/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The requests that a Go program serves or makes, between their two hooks. */
#ifndef THROUGHLINE_GO_CALL_H
#define THROUGHLINE_GO_CALL_H

#include "conn.h"
#include "fd.h"
#include "go_sdk.h"

#define METHOD_MAX 16
#define PATH_MAX 256
#define HOST_MAX 128
#define PEER_MAX 64
#define TRACESTATE_MAX 256
#define ROUTE_MAX 128

_Static_assert(METHOD_MAX + PATH_MAX + HOST_MAX + PEER_MAX + TRACESTATE_MAX + ROUTE_MAX <=
		       CALL_TEXT_SIZE,
	       "the texts fit");

/* How many open calls of a kind there is memory for from the start, and how many more
 * may be: to allocate an entry and to free it costs more than all else that hooks do. */
#define CALLS_AT_HAND 2048
#define CALLS_MORE 16384

/*
 * The table of the open calls of one kind, which is three maps: of those at hand, of
 * more, and of one fresh value, which is too large for the stack and never written. A
 * value begins with its struct call_event. NAME_find returns NULL for none, NAME_insert
 * if there is no room.
 */
#define OPEN_CALLS(name, key_type, value_type)                                    \
	struct {                                                                  \
		__uint(type, BPF_MAP_TYPE_HASH);                                  \
		__uint(max_entries, CALLS_AT_HAND);                               \
		__type(key, key_type);                                            \
		__type(value, value_type);                                        \
	} name SEC(".maps");                                                      \
	struct {                                                                  \
		__uint(type, BPF_MAP_TYPE_HASH);                                  \
		__uint(max_entries, CALLS_MORE);                                  \
		__uint(map_flags, BPF_F_NO_PREALLOC);                             \
		__type(key, key_type);                                            \
		__type(value, value_type);                                        \
	} name##_more SEC(".maps");                                               \
	struct {                                                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                 \
		__uint(max_entries, 1);                                           \
		__type(key, u32);                                                 \
		__type(value, value_type);                                        \
	} name##_blank SEC(".maps");                                              \
                                                                                  \
	bool name##_overflowed; /* the second map has been used */                \
                                                                                  \
	static __always_inline value_type *name##_find(const key_type *key)       \
	{                                                                         \
		value_type *call = bpf_map_lookup_elem(&name, key);               \
                                                                                  \
		return call ? call : bpf_map_lookup_elem(&name##_more, key);      \
	}                                                                         \
                                                                                  \
	static __always_inline value_type *name##_insert(const key_type *key)     \
	{                                                                         \
		u32 zero = 0;                                                     \
		value_type *blank = bpf_map_lookup_elem(&name##_blank, &zero);    \
                                                                                  \
		if (!blank)                                                       \
			return NULL;                                              \
		if (name##_overflowed) /* the end of the key's last was missed */ \
			bpf_map_delete_elem(&name##_more, key);                   \
		if (!bpf_map_update_elem(&name, key, blank, BPF_ANY))             \
			return bpf_map_lookup_elem(&name, key);                   \
		name##_overflowed = true;                                         \
		if (!bpf_map_update_elem(&name##_more, key, blank, BPF_ANY))      \
			return bpf_map_lookup_elem(&name##_more, key);            \
		drop(DROP_CALLS_FULL);                                            \
		return NULL;                                                      \
	}                                                                         \
                                                                                  \
	static __always_inline void name##_delete(const key_type *key)            \
	{                                                                         \
		if (bpf_map_delete_elem(&name, key))                              \
			bpf_map_delete_elem(&name##_more, key);                   \
	}

/* Fills in what every call begins with; all else is zero. */
static __always_inline void call_begin(struct call_event *e, const struct go_hit *hit, u16 library,
				       u8 role)
{
	e->h.kind = EVENT_CALL;
	e->h.tgid = hit->task.tgid;
	e->h.tid = bpf_get_current_pid_tgid();
	e->h.task = hit->task.id;
	e->start = hit->now;
	e->library = library;
	e->role = role;
	e->request_size = -1;
	e->response_size = -1;
}

/* A made call's span: one of the agent's under its cause, or the SDK's own. */
static __always_inline void call_caused(struct call_event *e, const struct go_cause *cause,
					bool caused)
{
	if (!caused) {
		trace_new_root(&e->h.ctx);
		return;
	}
	e->told = sdk_made(cause);
	if (e->told) {
		e->h.ctx = cause->span;
		return;
	}
	trace_new_child(&e->h.ctx, &cause->span);
	if (cause->kind)
		sampling_adopted(&e->h.ctx);
}

/* Appends len bytes at data, cut to max. */
static __always_inline void call_append(struct call_event *e, u32 which, u64 data, u64 len, u32 max)
{
	u32 used = e->text_used;

	if (!data || !len)
		return;
	if (len > max)
		len = max;
	if (used > CALL_TEXT_SIZE - max)
		return;
	if (bpf_probe_read_user(e->text + used, len, (void *)data)) {
		drop(DROP_CALL_UNREADABLE);
		return;
	}
	e->text_len[which] = len;
	e->text_at[which] = used;
	e->text_used = used + len;
}

/* The same of bytes in a map; nothing if they are more than max. */
static __always_inline void call_append_kernel(struct call_event *e, u32 which, const u8 *data,
					       u64 len, u32 max)
{
	u64 used = e->text_used;

	if (!len)
		return;
	asm volatile("" : "+r"(used), "+r"(len)); /* what is compared is what is used */
	if (len > max || used > CALL_TEXT_SIZE - max ||
	    bpf_probe_read_kernel(e->text + used, len, data))
		return;
	e->text_len[which] = len;
	e->text_at[which] = used;
	e->text_used = used + len;
}

/* Appends the Go string that stands at base + offset. */
static __always_inline void call_text(struct call_event *e, u32 which, u64 base, u16 offset,
				      u32 max)
{
	struct go_string s = {};

	if (!base || offset == GO_ABSENT)
		return;
	bpf_probe_read_user(&s, sizeof(s), (void *)(base + offset));
	call_append(e, which, s.data, s.len, max);
}

/* The same of a struct that has been read. */
static __always_inline void call_image_text(struct call_event *e, u32 which,
					    const struct go_image *image, u16 offset, u32 max)
{
	if (offset == GO_ABSENT)
		return;
	call_append(e, which, go_image_word(image, offset),
		    go_image_word(image, offset + sizeof(u64)), max);
}

/* Reads the net.netFD of what a net.Conn holds, if that is a *net.TCPConn: other types
 * have other layouts, so what is found has to look like a netFD in use. */
SUBPROGRAM bool go_net_fd(const struct go_program *p, u64 held, struct go_image *fd)
{
	u64 at = go_word(held, p->field[GO_TCP_CONN_FD]);

	if (!at)
		return false;
	go_image_read(fd, at);
	if ((u32)go_image_word(fd, p->field[GO_NET_FD_SOTYPE]) != SOCK_STREAM ||
	    go_image_byte(fd, p->field[GO_POLL_FD_IS_STREAM]) != 1)
		return false;
	switch ((u32)go_image_word(fd, p->field[GO_NET_FD_FAMILY])) {
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
		return true;
	}
	return false;
}

/* How many times a connection may be wrapped: by what limits or counts them, by
 * cmux. These are structs whose first field is the net.Conn, or the *net.TCPConn. */
#define WRAPPED_MAX 3

/* The socket behind a net.Conn: held is what the interface holds, which a *tls.Conn
 * and others may have around the *net.TCPConn. What image had is lost. */
SUBPROGRAM struct sock *go_socket(const struct go_program *p, u64 held, bool tls,
				  struct go_image *image)
{
	if (tls)
		held = go_held(held, p->field[GO_TLS_CONN_CONN]);
	for (int i = 0; i <= WRAPPED_MAX && held; i++) {
		if (go_net_fd(p, held, image) || go_net_fd(p, go_word(held, 0), image))
			return sock_from_fd(go_image_word(image, p->field[GO_POLL_FD_SYSFD]));
		held = go_held(held, 0);
	}
	return NULL;
}

/* The exchanges of a connection are this library's to report. */
SUBPROGRAM struct conn *go_claim(const struct go_hit *hit, struct sock *sk, u8 role)
{
	struct conn *c = sk ? conn_get(sk, hit->task.tgid) : NULL;
	struct claim_event *e;

	if (!c || c->flags & CONN_CLAIMED)
		return c;
	c->tgid = hit->task.tgid;
	if (c->direction == NO_DIRECTION) {
		conn_announce(sk, c);
		c->direction = role == ROLE_CLIENT ? DIRECTION_SENT : DIRECTION_RECEIVED;
	}
	e = event_reserve(sizeof(*e), EVENT_CLAIM);
	if (!e)
		return c; /* the next call claims it */
	event_from_conn(&e->h, sk, c);
	event_submit(e, BPF_RB_NO_WAKEUP);
	c->role = role;
	c->flags |= CONN_CLAIMED;
	c->flags &= ~CONN_IGNORED;
	return c;
}

/* Ends a call: tells the agent of it, unless the program's own SDK does or it is out of
 * the sample. */
static __always_inline void call_submit(struct call_event *e, u64 now)
{
	u32 used = e->text_used;

	if (e->told) {
		count(COUNT_TOLD_BY_SDK, 1);
		return;
	}
	if (!sampling_reports(&e->h.ctx)) {
		count(COUNT_SAMPLED_OUT, 1);
		return;
	}
	e->h.ktime = now;
	if (used > CALL_TEXT_SIZE)
		return;
	e->h.len = offsetof(struct call_event, text) + used;
	if (bpf_ringbuf_output(&events, e, e->h.len, wakeup()))
		drop(DROP_RING_FULL);
	else
		count(COUNT_EVENTS, 1);
}

#endif
