// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Puts a traceparent header into what a Go program sends by TLS, HTTP/2 and gRPC,
 * where no hook in the kernel sees the bytes in clear. Loaded only where the kernel
 * allows bpf_probe_write_user and traceparent is among the formats chosen. What is written is the free end of a buffer that the
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
	u8 field[64] WORDS; /* what is added */
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

#define HEADER_FIELDS_MAX 64 /* that header_find sees all of */

/* Whether the request has a traceparent of the program's own. Not knowing counts as
 * yes: there must never be two. */
SUBPROGRAM bool header_has_own(const struct go_hit *hit, u64 header)
{
	struct header_search *s;
	bool found = true;
	u32 zero = 0;

	if (!header)
		return false;
	/* Both kinds of map begin with the number of their entries. */
	if (go_word(header, 0) > HEADER_FIELDS_MAX)
		return true;
	s = bpf_map_lookup_elem(&go_searches_blank, &zero);
	if (!s || bpf_map_update_elem(&go_searches, &hit->task, s, BPF_ANY))
		return true;
	s = bpf_map_lookup_elem(&go_searches, &hit->task);
	if (s) {
		header_find(s, hit->task.id, header, HTTP_TRACEPARENT);
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

/* Whether the fields are a request's: a response's begin with :status. */
static __always_inline bool fields_of_request(u64 fields)
{
	struct go_string name = {};
	u64 word = 0;

	bpf_probe_read_user(&name, sizeof(name), (void *)fields);
	if (name.len != 7)
		return false;
	bpf_probe_read_user(&word, 7, (void *)name.data);
	return word == 0x646f6874656d3a; /* ":method" */
}

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
	else
		outgoing_drop(&hit, fields);
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
	if (outgoing_take(&hit, GO_3(ctx), &out) && fields_of_request(GO_3(ctx))) {
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

#define FIELD_NAME 10 /* bytes before the value's length */

/* RFC 7541, appendix B: codes of the hexadecimal digits with their bits above. */
#define HUFFMAN(code, bits) ((bits) << 8 | (code))
const volatile u16 huffman_digits[16] = {
	HUFFMAN(0x00, 5), HUFFMAN(0x01, 5), HUFFMAN(0x02, 5), HUFFMAN(0x19, 6),
	HUFFMAN(0x1a, 6), HUFFMAN(0x1b, 6), HUFFMAN(0x1c, 6), HUFFMAN(0x1d, 6),
	HUFFMAN(0x1e, 6), HUFFMAN(0x1f, 6), HUFFMAN(0x03, 5), HUFFMAN(0x23, 6),
	HUFFMAN(0x04, 5), HUFFMAN(0x24, 6), HUFFMAN(0x05, 5), HUFFMAN(0x25, 6),
};
#define HUFFMAN_DASH HUFFMAN(0x16, 6)

/* Bits that do not yet fill a byte, and where that byte will stand. */
struct bits {
	u32 value;
	u32 n;
	u32 at;
};

static __always_inline void bits_put(struct block *block, struct bits *b, u16 code)
{
	b->value = b->value << (code >> 8) | (code & 0xff);
	b->n += code >> 8;
	block->field[b->at & (sizeof(block->field) - 1)] = (b->value << 8) >> b->n;
	b->at += b->n >> 3;
	b->n &= 7;
	b->value &= (1 << b->n) - 1;
}

/*
 * Makes a traceparent field, a literal that is never indexed (RFC 7541, 6.2.3), so that
 * the tables of neither side change. Huffman's code, since room is short. Returns
 * its size.
 */
static __always_inline u32 field_make(struct block *block, const struct trace_context *ctx)
{
	struct bits bits = { .at = FIELD_NAME + 1 };
	u8 text[TRACEPARENT_SIZE];

	__builtin_memcpy(block->field, "\x10\x88\x4d\x83\x21\x6b\x1d\x85\xa9\x3f", FIELD_NAME);
	trace_write(text, ctx);
	for (u32 i = 0; i < TRACEPARENT_SIZE; i++) {
		u8 c = text[i];

		bits_put(block, &bits,
			 c == '-' ? HUFFMAN_DASH : huffman_digits[((c & 15) + (c >> 6) * 9) & 15]);
	}
	if (bits.n) { /* the rest is the beginning of the longest code */
		block->field[bits.at & (sizeof(block->field) - 1)] =
			(bits.value << 8) >> bits.n | 0xff >> bits.n;
		bits.at++;
	}
	block->field[FIELD_NAME] = 0x80 | (bits.at - FIELD_NAME - 1);
	return bits.at;
}

/* Copies a block to the free end of what its frame will be written to. The frame is
 * put together elsewhere (Framer.wbuf) before it goes there. */
static __always_inline u64 block_move(struct block *block, const struct headers_param *param,
				      const struct writer *w, u32 field)
{
	u64 to = writer_free(w, param->len + field);
	u32 len = param->len - 1;

	if (!to || !param->len || param->len > BLOCK_MAX)
		return 0;
	asm volatile("" : "+r"(len)); /* what follows is for the verifier */
	len = (len & (BLOCK_MAX - 1)) + 1;
	if (bpf_probe_read_user(block->bytes, len, (void *)param->block) ||
	    bpf_probe_write_user((void *)to, block->bytes, len))
		return 0;
	return to;
}

/* Adds the field to the header block, or to a copy of it where there is room. */
SUBPROGRAM bool block_append(struct block *block, struct headers_param *param,
			     const struct frame *frame)
{
	u32 size = field_make(block, &frame->ctx), left = size - 1;

	if (!(param->stream & 1) || param->end_headers != 1 || param->end_stream > 1 ||
	    param->pad_length || !param->block || param->len > param->cap ||
	    param->len + size > FRAME_SIZE_MIN)
		return false;
	if (param->cap - param->len < size) {
		param->block = block_move(block, param, &frame->writer, size);
		param->cap = param->len + size;
	}
	asm volatile("" : "+r"(left)); /* for the verifier */
	left &= sizeof(block->field) - 1;
	if (!param->block ||
	    bpf_probe_write_user((void *)(param->block + param->len), block->field, left + 1))
		return false;
	param->len += size;
	return true;
}

/* The same with room to work in. */
SUBPROGRAM bool frame_extend(const struct go_hit *hit, struct headers_param *param,
			     const struct frame *frame)
{
	struct block *block;
	bool done = false;
	u32 zero = 0;

	block = bpf_map_lookup_elem(&go_blocks_blank, &zero);
	if (!block || bpf_map_update_elem(&go_blocks, &hit->task, block, BPF_ANY))
		return false;
	block = bpf_map_lookup_elem(&go_blocks, &hit->task);
	if (block)
		done = block_append(block, param, frame);
	bpf_map_delete_elem(&go_blocks, &hit->task);
	return done;
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
	    !frame_extend(&hit, &param, &frame) ||
	    bpf_probe_write_user((void *)(at + offsetof(struct headers_param, block)), &param.block,
				 3 * sizeof(u64))) {
		drop(DROP_INJECT_NO_ROOM);
		return 0;
	}
	count(COUNT_INJECTED, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
