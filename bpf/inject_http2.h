/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Puts a traceparent, if that is a format that was chosen, into the requests of
 * plaintext HTTP/2: a literal field that is
 * never indexed (RFC 7541, 6.2.3) at the end of the block of a HEADERS frame, so that
 * the state of neither end's table changes.
 */
#ifndef THROUGHLINE_INJECT_HTTP2_H
#define THROUGHLINE_INJECT_HTTP2_H

#include "http2.h"
#include "propagation.h"
#include "task.h"

#define PREFACE_SIZE 24 /* RFC 9113, 3.4 */
#define FRAME_HEAD 9	/* 4.1: length, type, flags, stream */
#define FRAMES_MAX 16	/* of one message that are looked at */
#define BLOCK_MAX 1024	/* a larger block of fields is left alone */

enum {
	FRAME_HEADERS = 1,
	FRAME_PUSH_PROMISE = 5,
	FRAME_CONTINUATION = 9,
	FRAME_END_HEADERS = 4,
	FRAME_PADDED = 8,
};

#define FIELD_NAME_SIZE 11
#define FIELD_SIZE (3 + FIELD_NAME_SIZE + TRACEPARENT_SIZE)

/* How a field's name that tells of a context of the program's own begins, as it may
 * stand in a block: as it is, or in Huffman's code; set by the agent. The name is not
 * in the static table, and an entry of the dynamic one stood in an earlier block of
 * this connection. */
#define CONTEXT_NAMES 32

struct context_name {
	u64 text; /* its first bytes, those of its length before them */
	u64 mask;
};

const volatile struct context_name context_names[CONTEXT_NAMES];
const volatile u32 context_names_len;

struct frame {
	u32 len;
	u8 type;
	u8 flags;
	u16 reserved;
	u32 stream;
};

static __always_inline bool is_preface(const u8 *data, const u8 *end)
{
	static const u8 preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	return data + PREFACE_SIZE <= end && !__builtin_memcmp(data, preface, PREFACE_SIZE);
}

static __always_inline bool frame_read(struct sk_msg_md *msg, u32 at, struct frame *f)
{
	u8 *data, *end;

	if (bpf_msg_pull_data(msg, at, at + FRAME_HEAD, 0))
		return false;
	data = msg->data;
	end = msg->data_end;
	if (data + FRAME_HEAD > end)
		return false;
	f->len = data[0] << 16 | data[1] << 8 | data[2];
	f->type = data[3];
	f->flags = data[4];
	f->stream = (data[5] & 0x7f) << 24 | data[6] << 16 | data[7] << 8 | data[8];
	return true;
}

/* Whether one of the names begins at a place of a block. Global and without a branch a
 * name, so that the verifier walks the names once and not for each byte. */
__noinline int name_begins(u64 word)
{
	u64 found = 0;

	for (u32 i = 0; i < CONTEXT_NAMES; i++) {
		u64 differs;

		if (i >= context_names_len)
			break;
		differs = (word ^ context_names[i].text) & context_names[i].mask;
		asm volatile("" : "+r"(differs)); /* or it becomes one again */
		found |= ~(differs | -differs) >> 63;
	}
	return found;
}

/* Whether the bytes of a message from at to end may hold a context of the program's
 * own; also if they cannot be read. Global, for the verifier's sake. */
__noinline int block_has_context(struct sk_msg_md *msg, u32 at, u32 end)
{
	u8 *data, *last;
	u64 word = 0;
	u32 found = 0;

	if (at >= end || bpf_msg_pull_data(msg, at, end, 0))
		return 1;
	data = msg->data;
	last = msg->data_end;
	for (u32 i = 0; i < BLOCK_MAX; i++, data++) {
		if (data + 1 > last)
			break;
		word = word << 8 | *data;
		found |= name_begins(word);
	}
	return found;
}

/* Puts the field behind the block that ends at end, in the frame that begins at at. */
static __always_inline bool field_push(struct sk_msg_md *msg, u32 at, u32 end, u32 len,
				       const struct trace_context *ctx)
{
	u8 field[FIELD_SIZE] = "\x10\x0btraceparent\x37";
	u8 *data, *last;

	trace_write(field + 3 + FIELD_NAME_SIZE, ctx);
	if (bpf_msg_push_data(msg, end, FIELD_SIZE, 0))
		return false;
	if (bpf_msg_pull_data(msg, end, end + FIELD_SIZE, 0))
		goto undo;
	data = msg->data;
	last = msg->data_end;
	if (data + FIELD_SIZE > last)
		goto undo;
	__builtin_memcpy(data, field, FIELD_SIZE);
	if (bpf_msg_pull_data(msg, at, at + 3, 0))
		goto undo;
	data = msg->data;
	last = msg->data_end;
	if (data + 3 > last)
		goto undo;
	len += FIELD_SIZE;
	data[0] = len >> 16;
	data[1] = len >> 8;
	data[2] = len;
	return true;
undo:
	bpf_msg_pop_data(msg, end, FIELD_SIZE, 0);
	return false;
}

/*
 * What a request's context says: its parent is the request that the current task
 * serves, if the process serves no other. Who shares a connection may write what
 * another thread has asked for (gRPC's combiner does), so the thread alone does not
 * tell. False: not known, and so nothing is said.
 */
static __always_inline bool stream_context(const struct target *t, struct trace_context *ctx)
{
	struct task_key key;
	struct task *task;
	bool overlapped;
	s32 *open;

	task_current(t, &key);
	task = task_serving(&key, &overlapped);
	open = bpf_map_lookup_elem(&serving, &key.tgid);
	if (!task || !open || *open != 1)
		return false;
	*ctx = task->ctx;
	return true;
}

/* Looks at the frame that begins at at. Returns where the next one does, or -1: nothing is
 * ever added to this connection again. Global, for the verifier's sake. */
__noinline int http2_frame(struct sk_msg_md *msg, u32 at)
{
	const struct target *t = target_current();
	u64 key = (u64)msg->sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);
	struct http2_send *s;
	struct trace_context ctx;
	struct frame f = {};
	u32 size = msg->size, end;

	if (!t || !c)
		return -1;
	s = http2_send(key, c);
	if (!s || at + FRAME_HEAD > size || !frame_read(msg, at, &f))
		return -1;
	end = at + FRAME_HEAD + f.len;
	s->frame_left = end > size ? end - size : 0;
	if (f.type == FRAME_CONTINUATION || f.type == FRAME_PUSH_PROMISE)
		return -1; /* a block in pieces */
	if (f.type != FRAME_HEADERS)
		return end;
	if (!(f.flags & FRAME_END_HEADERS) || end > size || f.len > BLOCK_MAX) {
		drop(DROP_INJECT_SPLIT_HEAD);
		return -1;
	}
	if (block_has_context(msg, at + FRAME_HEAD, end))
		return -1; /* also later ones, which its table may serve */
	if (f.stream <= s->last_stream)
		return end; /* trailers */
	s->last_stream = f.stream;
	if (f.flags & FRAME_PADDED || !stream_context(t, &ctx))
		return end;
	if (!field_push(msg, at, end, f.len, &ctx)) {
		drop(DROP_INJECT_NO_ROOM);
		return end;
	}
	count(COUNT_INJECTED, 1);
	return end + FIELD_SIZE;
}

/* Looks at the frames that begin in a message. */
static __always_inline void http2_look(struct sk_msg_md *msg, struct conn *c, struct http2_send *s,
				       u32 at)
{
	u32 size = msg->size;

	if (!s->looked) {
		s->frame_left_before = s->frame_left;
		s->last_stream_before = s->last_stream;
	}
	s->looked += size;
	at += s->frame_left;
	s->frame_left = at > size ? at - size : 0;
	for (u32 i = 0; i < FRAMES_MAX && at < msg->size; i++) {
		int next = http2_frame(msg, at);

		if (next < 0)
			break;
		at = next;
	}
	if (at < msg->size)
		c->no_inject = 1;
}

/* Takes up a connection whose first bytes are HTTP/2's preface. */
static __always_inline bool http2_begins(struct sk_msg_md *msg, u64 sock, struct conn *c)
{
	struct http2_send fresh = { .gen = c->gen };
	u8 *data, *end;

	if (!format_chosen(FORMAT_TRACECONTEXT) || c->direction != NO_DIRECTION ||
	    !(c->flags & CONN_FROM_START) || c->no_inject ||
	    c->flags & (CONN_CLOSED | CONN_IGNORED) || msg->size < PREFACE_SIZE ||
	    bpf_msg_pull_data(msg, 0, PREFACE_SIZE, 0))
		return false;
	data = msg->data;
	end = msg->data_end;
	if (!is_preface(data, end) || bpf_map_update_elem(&http2_sends, &sock, &fresh, BPF_ANY))
		return false;
	c->flags |= CONN_HTTP2;
	return true;
}

/* Whether the message is one of HTTP/2; then it was looked at. */
static __always_inline bool inject_http2(struct sk_msg_md *msg, u64 sock, struct conn *c)
{
	struct http2_send *s;
	u32 at = 0;

	if (!(c->flags & CONN_HTTP2)) {
		if (c->sending || !http2_begins(msg, sock, c))
			return false;
		at = PREFACE_SIZE;
	}
	s = http2_send(sock, c);
	if (s && !c->no_inject)
		http2_look(msg, c, s, at);
	return true;
}

#endif
