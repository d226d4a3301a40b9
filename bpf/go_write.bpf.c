// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Puts a traceparent header into what a Go program sends by TLS, HTTP/2 and gRPC,
 * where no hook in the kernel sees the bytes in clear. Loaded only where the kernel
 * allows bpf_probe_write_user. What is written is the free end of a buffer that the
 * program itself is filling, and then the buffer's length: the program is at an
 * instruction of ours meanwhile, and nobody else has the buffer. If the free end is
 * too small nothing is written.
 */
#include "go_header.h"
#include "go_outgoing.h"

/* Room to look a header up, while one program runs: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct task_key);
	__type(value, struct header_search);
} go_searches SEC(".maps");

/* A fresh value. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct header_search);
} go_searches_blank SEC(".maps");

/* What a connection writes to: buf[used:] is free. */
struct writer {
	struct go_string buf; /* of a slice, without its capacity */
	u64 used;	      /* where the number of bytes used stands */
};

/* The HEADERS frame that a goroutine writes next. */
struct frame {
	struct trace_context ctx;
	struct writer writer;
};

/* Inserted by go_write_http2 and go_write_grpc, deleted by go_write_frame, evicted by
 * age. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct task_key);
	__type(value, struct frame);
} go_frames SEC(".maps");

#define BLOCK_MAX 1024 /* bytes of a header block that is moved */

/* Inserted and deleted by go_write_frame. */
struct block {
	u8 bytes[BLOCK_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct task_key);
	__type(value, struct block);
} go_blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct block);
} go_blocks_blank SEC(".maps");

static __always_inline struct header_search *header_search(u64 goid)
{
	struct task_key key = { .id = goid, .is_goroutine = 1 };

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	return bpf_map_lookup_elem(&go_searches, &key);
}

/* Whether the request has a traceparent of the program's own. Not knowing counts as
 * yes: there must never be two. */
SUBPROGRAM bool header_has_own(const struct go_hit *hit, u64 header)
{
	struct header_search *s;
	bool found = true;
	u32 zero = 0;

	if (!header)
		return false;
	s = bpf_map_lookup_elem(&go_searches_blank, &zero);
	if (!s || bpf_map_update_elem(&go_searches, &hit->task, s, BPF_ANY))
		return true;
	s = bpf_map_lookup_elem(&go_searches, &hit->task);
	if (s) {
		s->name = HTTP_TRACEPARENT;
		header_find(hit->task.id, header);
		found = s->found;
	}
	bpf_map_delete_elem(&go_searches, &hit->task);
	return found;
}

static __always_inline void writer_of_bufio(struct writer *w, const struct go_program *p, u64 at)
{
	w->buf.data = go_word(at, p->field[GO_BUFIO_BUF]);
	w->buf.len = go_held(at, p->field[GO_BUFIO_BUF]);
	w->used = at ? at + p->field[GO_BUFIO_N] : 0;
}

#define WRITER_MAX (1 << 20)

/* Where the writer's free bytes begin, size of them at least; 0: it has fewer. */
static __always_inline u64 writer_free(const struct writer *w, u64 size)
{
	u64 used = go_word(w->used, 0);

	if (!w->buf.data || !w->used || w->buf.len > WRITER_MAX || used > w->buf.len ||
	    w->buf.len - used < size)
		return 0;
	return w->buf.data + used;
}

SUBPROGRAM void writer_append(const struct writer *w, const struct trace_context *ctx)
{
	u8 line[] = "Traceparent: 00-00000000000000000000000000000000-0000000000000000-00\r\n";
	const u32 size = sizeof(line) - 1;
	u64 at = writer_free(w, size), used;

	trace_write(line + sizeof("Traceparent: ") - 1, ctx);
	if (!at || bpf_probe_write_user((void *)at, line, size)) {
		drop(DROP_INJECT_NO_ROOM);
		return;
	}
	used = at + size - w->buf.data;
	if (bpf_probe_write_user((void *)w->used, &used, sizeof(used))) {
		drop(DROP_INJECT_NO_ROOM);
		return;
	}
	count(COUNT_INJECTED, 1);
}

/* (*Request).write, behind (*transferWriter).writeHeader, which returns an error: the
 * fields of the request's own follow */
SEC("uprobe")
int go_write_http1(struct pt_regs *ctx)
{
	struct go_outgoing out;
	struct writer writer;
	struct go_hit hit;
	u64 bufio;

	if (GO_0(ctx) || !go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	bufio = go_word(GO_SP(ctx), hit.program->request_writer);
	if (!outgoing_take(&hit, bufio, &out) || header_has_own(&hit, out.header))
		return 0;
	writer_of_bufio(&writer, hit.program, bufio);
	writer_append(&writer, &out.ctx);
	return 0;
}

/* (*clientStream).encodeAndWriteHeaders(cs, req) of net/http's HTTP/2 */
SEC("uprobe")
int go_write_http2(struct pt_regs *ctx)
{
	const struct go_program *p;
	struct frame frame = {};
	struct go_outgoing out;
	struct go_hit hit;
	u64 connection;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	if (!outgoing_take(&hit, GO_1(ctx), &out) || header_has_own(&hit, out.header))
		return 0;
	p = hit.program;
	connection = go_word(GO_0(ctx), p->field[GO_H2_STREAM_CC]);
	frame.ctx = out.ctx;
	writer_of_bufio(&frame.writer, p, go_word(connection, p->field[GO_H2_CLIENT_BW]));
	bpf_map_update_elem(&go_frames, &hit.task, &frame, BPF_ANY);
	return 0;
}

/* golang.org/x/net/http2/hpack, HeaderField */
struct hpack_field {
	struct go_string name;
	struct go_string value;
	u64 sensitive;
};

#define FIELDS_MAX 32

/* Whether one of the fields is a traceparent; true if there are too many to tell. */
SUBPROGRAM bool fields_have_own(u64 fields, u64 len)
{
	if (len > FIELDS_MAX)
		return true;
	for (u32 i = 0; i < FIELDS_MAX && i < len; i++) {
		u64 at = fields + i * sizeof(struct hpack_field);
		struct go_string name = {};
		u64 word[2] = {};

		bpf_probe_read_user(&name, sizeof(name), (void *)at);
		if (name.len != 11)
			continue;
		bpf_probe_read_user(word, 11, (void *)name.data);
		if (word[0] == 0x7261706563617274 && word[1] == 0x746e65)
			return true;
	}
	return false;
}

#define CALL_CHAIN_MAX 16 /* contexts between an attempt's and its call's */

/* The call that a context was derived for. */
SUBPROGRAM struct go_outgoing *outgoing_of_context(const struct go_hit *hit, u64 context)
{
	struct go_address key = { .tgid = hit->task.tgid };

	for (u32 i = 0; i < CALL_CHAIN_MAX && context; i++) {
		struct go_outgoing *out;

		key.address = context;
		out = bpf_map_lookup_elem(&go_outgoings, &key);
		if (out)
			return out;
		context = go_word(context, 8);
	}
	return NULL;
}

/*
 * (*http2Client).NewStream(t, ctx, callHdr), behind createHeaderFields, which returns
 * ([]hpack.HeaderField, error). In the home of ctx, its second and third word, is what
 * it was given, or what is nobody's context.
 */
SEC("uprobe")
int go_write_grpc_fields(struct pt_regs *ctx)
{
	u64 fields = GO_0(ctx), len = GO_1(ctx), failed = GO_3(ctx);
	struct go_outgoing *out;
	struct go_hit hit;

	if (failed || !go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	out = outgoing_of_context(&hit, go_argument_home(ctx, 2));
	if (out && !fields_have_own(fields, len))
		outgoing_put(&hit, fields, &out->ctx, 0);
	return 0;
}

static __always_inline void writer_of_grpc(struct writer *w, const struct go_program *p, u64 loopy)
{
	u64 framer = go_word(loopy, p->field[GO_GRPC_LOOPY_FRAMER]);
	u64 at = go_word(framer, p->field[GO_GRPC_FRAMER_WRITER]);
	u64 handle = go_word(at, p->field[GO_GRPC_WRITER_HANDLE]);

	if (!at || p->field[GO_GRPC_WRITER_OFFSET] == GO_ABSENT)
		return;
	if (handle) {
		w->buf.data = go_word(handle, 0);
		w->buf.len = go_word(handle, 8);
	} else {
		w->buf.data = go_word(at, p->field[GO_GRPC_WRITER_BUF]);
		w->buf.len = go_held(at, p->field[GO_GRPC_WRITER_BUF]);
	}
	w->used = at + p->field[GO_GRPC_WRITER_OFFSET];
}

/* (*loopyWriter).writeHeader(l, streamID, endStream, hf, onWrite) */
SEC("uprobe")
int go_write_grpc(struct pt_regs *ctx)
{
	struct frame frame = {};
	struct go_outgoing out;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	if (outgoing_take(&hit, GO_3(ctx), &out)) {
		frame.ctx = out.ctx;
		writer_of_grpc(&frame.writer, hit.program, GO_0(ctx));
		bpf_map_update_elem(&go_frames, &hit.task, &frame, BPF_ANY);
	} else {
		bpf_map_delete_elem(&go_frames, &hit.task); /* no frame came of the last */
	}
	return 0;
}

/* golang.org/x/net/http2, HeadersFrameParam, as far as it is looked at. With the
 * receiver it is more than fits the registers of amd64, so that it is on the
 * stack. */
struct headers_param {
	u32 stream;
	u32 reserved;
	u64 block; /* BlockFragment */
	u64 len;
	u64 cap;
	u8 end_stream;
	u8 end_headers;
	u8 pad_length;
	u8 reserved2[5];
};

#define FRAME_SIZE_MIN 16384 /* that every peer takes, RFC 9113, 4.2 */

#define FIELD_SIZE (2 + 11 + 1 + TRACEPARENT_SIZE)

/* RFC 7541, 6.2.3: a literal that is never indexed, so that the tables of neither side
 * change. */
static __always_inline bool field_write(u64 at, const struct trace_context *ctx)
{
	u8 literal[FIELD_SIZE] = "\x10\x0btraceparent\x37";

	trace_write(literal + 14, ctx);
	return !bpf_probe_write_user((void *)at, literal, sizeof(literal));
}

/* Copies a block to the free end of what its frame will be written to. The frame is
 * put together elsewhere (Framer.wbuf) before it goes there. */
SUBPROGRAM u64 block_move(const struct go_hit *hit, const struct headers_param *param,
			  const struct writer *w)
{
	u64 to = writer_free(w, param->len + FIELD_SIZE);
	u32 len = param->len - 1, zero = 0;
	struct block *block;
	bool moved;

	if (!to || !param->len || param->len > BLOCK_MAX)
		return 0;
	asm volatile("" : "+r"(len)); /* what follows is for the verifier */
	len = (len & (BLOCK_MAX - 1)) + 1;
	block = bpf_map_lookup_elem(&go_blocks_blank, &zero);
	if (!block || bpf_map_update_elem(&go_blocks, &hit->task, block, BPF_ANY))
		return 0;
	block = bpf_map_lookup_elem(&go_blocks, &hit->task);
	moved = block && !bpf_probe_read_user(block->bytes, len, (void *)param->block) &&
		!bpf_probe_write_user((void *)to, block->bytes, len);
	bpf_map_delete_elem(&go_blocks, &hit->task);
	return moved ? to : 0;
}

/* Adds the field to the block, or to a copy of it where there is room. */
SUBPROGRAM bool block_append(const struct go_hit *hit, struct headers_param *param,
			     const struct frame *frame)
{
	if (!(param->stream & 1) || param->end_headers != 1 || param->end_stream > 1 ||
	    param->pad_length || !param->block || param->len > param->cap ||
	    param->len + FIELD_SIZE > FRAME_SIZE_MIN)
		return false;
	if (param->cap - param->len < FIELD_SIZE) {
		param->block = block_move(hit, param, &frame->writer);
		param->cap = param->len + FIELD_SIZE;
	}
	if (!param->block || !field_write(param->block + param->len, &frame->ctx))
		return false;
	param->len += FIELD_SIZE;
	return true;
}

/*
 * (*Framer).WriteHeaders(f, p). The block is what an encoder has put into a
 * bytes.Buffer; where it ends the headers, that is all there is, and what the slice
 * has behind its length is the buffer's free end.
 */
SEC("uprobe")
int go_write_frame(struct pt_regs *ctx)
{
	u64 at = GO_SP(ctx) + sizeof(u64); /* behind the return address */
	struct headers_param param;
	struct frame *found, frame;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	found = bpf_map_lookup_elem(&go_frames, &hit.task);
	if (!found)
		return 0;
	frame = *found;
	bpf_map_delete_elem(&go_frames, &hit.task);
	if (bpf_probe_read_user(&param, sizeof(param), (void *)at) ||
	    !block_append(&hit, &param, &frame) ||
	    bpf_probe_write_user((void *)(at + offsetof(struct headers_param, block)), &param.block,
				 3 * sizeof(u64))) {
		drop(DROP_INJECT_NO_ROOM);
		return 0;
	}
	count(COUNT_INJECTED, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
