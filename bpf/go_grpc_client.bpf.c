// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Calls that a gRPC-Go client makes, unary ones and streams alike: each is a
 * clientStream, from its first attempt to (*clientStream).finish, which any
 * goroutine may call. A stream that could not be made is never finished: that the
 * branch behind (*clientStream).retryLocked tells.
 */
#include "go_grpc.h"
#include "go_outgoing.h"

/* Key of `go_grpc_made`: a *clientStream. Laid out as struct task_key is, for the
 * agent's sweep. */
struct grpc_stream {
	u64 stream;
	u32 tgid;
	u32 reserved;
};

/* A call from its first attempt to its end. */
struct grpc_made {
	struct call_event event;
	u64 context; /* what the stream's context.Context holds */
};

/* Inserted by go_grpc_attempt, deleted by the hook that ends the call and, if its
 * process is gone, by the agent's sweep. */
OPEN_CALLS(go_grpc_made, struct grpc_stream, struct grpc_made)

/* Whether the SDK tells of a call: its stats handler begins a span for each attempt,
 * under what the call was given. */
SUBPROGRAM bool attempt_told(const struct go_hit *hit, u64 stream, const struct call_event *e)
{
	const struct go_program *p = hit->program;
	u64 attempt = go_word(stream, p->field[GO_GRPC_CLIENT_STREAM_ATTEMPT]);
	struct go_cause cause = {};

	return sdk_cause(hit, go_held(attempt, p->field[GO_GRPC_ATTEMPT_CTX]), &cause) &&
	       cause.kind == SDK_CLIENT &&
	       __builtin_memcmp(cause.span.span_id, e->h.ctx.parent_id, 8);
}

static __always_inline void made_submit(const struct go_hit *hit, const struct grpc_stream *key,
					struct grpc_made *made)
{
	if (go_has_sdk(hit->program) && !made->event.told)
		made->event.told = attempt_told(hit, key->stream, &made->event);
	call_submit(&made->event, hit->now);
	go_grpc_made_delete(key);
}

SUBPROGRAM void call_begins(struct grpc_made *made, const struct go_hit *hit, u64 stream)
{
	const struct go_program *p = hit->program;
	struct call_event *e = &made->event;
	struct go_cause cause;

	call_begin(e, hit, LIBRARY_GO_GRPC_CLIENT, ROLE_CLIENT);
	call_caused(e, &cause, go_cause(hit, made->context, &cause));
	call_text(e, TEXT_PATH, go_word(stream, p->field[GO_GRPC_CLIENT_STREAM_HDR]),
		  p->field[GO_GRPC_CALL_METHOD], PATH_MAX);
	call_text(e, TEXT_HOST, go_word(stream, p->field[GO_GRPC_CLIENT_STREAM_CC]),
		  p->field[GO_GRPC_CONN_TARGET], HOST_MAX);
	outgoing_put(hit, made->context, &e->h.ctx, 0);
}

/* (*clientStream).newAttemptLocked(cs, isTransparent): the first, or once more */
SEC("uprobe")
int go_grpc_attempt(struct pt_regs *ctx)
{
	struct grpc_stream key = { .stream = GO_0(ctx) };
	struct grpc_made *made;
	struct go_hit hit;
	u64 context;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	key.tgid = hit.task.tgid;
	context = go_held(key.stream, hit.program->field[GO_GRPC_CLIENT_STREAM_CTX]);
	made = go_grpc_made_find(&key);
	if (made && made->context == context)
		return 0;
	if (made) { /* its end was not seen, and its memory is another's */
		made->event.call_flags |= CALL_FAILED;
		made_submit(&hit, &key, made);
	}
	made = go_grpc_made_insert(&key);
	if (!made)
		return 0;
	made->context = context;
	call_begins(made, &hit, key.stream);
	return 0;
}

/* Whether an error is io.EOF, a *errors.errorString. */
static __always_inline bool is_end(u64 held)
{
	struct go_string s = {};
	u32 text = 0;

	if (bpf_probe_read_user(&s, sizeof(s), (void *)held) || s.len != 3)
		return false;
	bpf_probe_read_user(&text, 3, (void *)s.data);
	return text == 0x464f45; /* "EOF" */
}

/* What an error interface says. */
SUBPROGRAM void call_failed(struct call_event *e, const struct go_program *p, u64 itab, u64 held)
{
	/* status.Error is a pointer to a Status. */
	if (is_status(itab))
		e->status = grpc_status(p, go_word(held, 0));
	if (!e->status)
		e->call_flags |= CALL_FAILED;
}

/* (*clientStream).finish(cs, err): more than once for some streams */
SEC("uprobe")
int go_grpc_finish(struct pt_regs *ctx)
{
	u64 itab = GO_1(ctx), held = GO_2(ctx);
	struct grpc_stream key = { .stream = GO_0(ctx) };
	struct grpc_made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	key.tgid = hit.task.tgid;
	made = go_grpc_made_find(&key);
	if (!made)
		return 0;
	if (!itab || is_end(held))
		made->event.status = 1; /* OK */
	else
		call_failed(&made->event, hit.program, itab, held);
	made_submit(&hit, &key, made);
	return 0;
}

/*
 * (*clientStream).withRetry(cs, op, onSuccess), behind retryLocked, which returns an
 * error if the call is not tried again. withRetry keeps cs in its
 * home.
 */
SEC("uprobe")
int go_grpc_given_up(struct pt_regs *ctx)
{
	u64 itab = GO_0(ctx), held = GO_1(ctx);
	struct grpc_stream key = {};
	struct grpc_made *made;
	struct go_hit hit;

	if (!itab || !go_hit_begin(&hit, GO_G(ctx)) || is_end(held))
		return 0;
	key.stream = go_argument_home(ctx, 0);
	key.tgid = hit.task.tgid;
	made = go_grpc_made_find(&key);
	if (!made)
		return 0;
	call_failed(&made->event, hit.program, itab, held);
	made_submit(&hit, &key, made);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
