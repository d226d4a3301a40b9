// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Calls that a gRPC-Go server handles, unary ones and streams alike: each in a
 * goroutine, a new one or a worker, from (*Server).handleStream on. What a server
 * handles as a handler of net/http is net/http's.
 */
#include "go_grpc.h"
#include "go_context.h"

/* A call while it is handled. */
struct grpc_served {
	struct call_event event;
	u64 context; /* what the stream's context.Context held */
	/* The connection. The event has it only at the end: when a connection is
	 * reset, the agent ends the calls that name it, but handlers go on, and what
	 * they do is caused by the call. */
	u64 sock;
	u64 gen;
	union { /* at a time */
		struct go_image image;
		struct header_search search;
	};
};

/* Inserted by go_grpc_handle, deleted by the hook that ends the call and, if its
 * process is gone, by the agent's sweep. */
OPEN_CALLS(go_grpc_served, struct task_key, struct grpc_served)

static __always_inline struct header_search *header_search(u64 goid)
{
	struct task_key key = { .id = goid, .is_goroutine = 1 };
	struct grpc_served *served;

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	served = go_grpc_served_find(&key);
	if (!served)
		return NULL;
	barrier_var(served); /* the address is not reckoned before the test */
	return &served->search;
}

#define METADATA_DEPTH 6

/* Whether a type is map[string][]string. */
static __always_inline bool is_metadata(u64 type)
{
	struct go_type map, t;

	if (go_type_read(&map, type) != KIND_MAP || go_type_read(&t, map.key) != KIND_STRING)
		return false;
	return go_type_read(&t, map.element) == KIND_SLICE &&
	       t.key /* of a slice the element */ == map.key;
}

/*
 * The metadata that a stream came with, a map[string][]string: the value of a
 * context under a key that is an empty struct (metadata.NewIncomingContext). What else
 * the chain holds is not such a map. 0: none.
 */
SUBPROGRAM u64 stream_metadata(u64 context)
{
	for (u32 i = 0; i < METADATA_DEPTH && context; i++) {
		struct value_context c;
		struct go_type t;

		if (bpf_probe_read_user(&c, sizeof(c), (void *)context))
			return 0;
		if (go_type_read(&t, c.key_type) == KIND_STRUCT && !t.size &&
		    is_metadata(c.value_type))
			return c.value;
		context = c.parent[1];
	}
	return 0;
}

SUBPROGRAM void stream_begins(struct grpc_served *served)
{
	struct call_event *e = &served->event;
	struct gather *g = header_context(&served->search, e->h.task,
					  stream_metadata(served->context), SOUGHT_GRPC);

	call_served(e, g, false);
	if (g)
		gather_delete(e->h.task);
}

/* From now on the goroutine, and whoever is handed the context, serves it. */
SUBPROGRAM void stream_taken(const struct grpc_served *served, const struct go_hit *hit)
{
	struct go_context_key key = { .tgid = hit->task.tgid, .context = served->context };
	const struct call_event *e = &served->event;
	struct task task = { .ctx = e->h.ctx, .sock = served->sock, .gen = served->gen, .open = 1 };
	struct go_cause cause = {};

	/* Until v1.59 the SDK is told of a call before its goroutine begins. */
	if (go_has_sdk(hit->program) && sdk_cause(hit, served->context, &cause) &&
	    cause.kind == SDK_SERVER && cause.open)
		task.ctx = cause.span;
	if (bpf_map_update_elem(&tasks, &hit->task, &task, BPF_ANY))
		drop(DROP_TASKS_FULL);
	if (key.context && bpf_map_update_elem(&go_contexts, &key, &task.ctx, BPF_ANY))
		drop(DROP_CALLS_FULL);
}

/* The call is answered, or will not be. */
SUBPROGRAM void stream_ends(const struct go_hit *hit, struct grpc_served *served)
{
	struct go_context_key key = { .tgid = hit->task.tgid, .context = served->context };
	struct call_event *e = &served->event;

	e->told = sdk_served(hit, &key, &e->h.ctx);
	bpf_map_delete_elem(&go_contexts, &key);
	bpf_map_delete_elem(&tasks, &hit->task);
	e->h.sock = served->sock;
	e->h.gen = served->gen;
	call_submit(e, hit->now);
	go_grpc_served_delete(&hit->task);
}

/* The connection of a call, TLS or not: the socket source cannot read it. */
SUBPROGRAM void stream_claimed(struct grpc_served *served, const struct go_hit *hit, u64 transport)
{
	const struct go_program *p = hit->program;
	struct sock *sk = go_socket(p, go_held(transport, p->field[GO_GRPC_SERVER_CONN]), false,
				    &served->image);
	struct conn *c = go_claim(hit, sk, ROLE_SERVER);

	if (!c)
		return;
	served->sock = (u64)sk;
	served->gen = c->gen;
}

static __always_inline struct grpc_served *served_insert(const struct go_hit *hit)
{
	struct grpc_served *served = go_grpc_served_find(&hit->task);

	if (served) { /* a worker's, whose end was not seen */
		served->event.call_flags |= CALL_FAILED;
		stream_ends(hit, served);
	}
	return go_grpc_served_insert(&hit->task);
}

/* The Stream of a *ServerStream: the same until v1.68, then what its first field
 * points to, and since v1.78 that field itself. What is behind it tells. */
static __always_inline u64 server_stream(const struct go_program *p, u64 stream)
{
	return p->field[GO_GRPC_SERVER_STREAM_ST] == sizeof(u64) ? go_word(stream, 0) : stream;
}

/* (*Server).handleStream(s, t transport.ServerTransport, stream) */
SEC("uprobe")
int go_grpc_handle(struct pt_regs *ctx)
{
	u64 transport = GO_2(ctx), stream = GO_3(ctx), context;
	struct grpc_served *served;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	stream = server_stream(hit.program, stream);
	context = go_held(stream, hit.program->field[GO_GRPC_STREAM_CTX]);
	if (go_context_span(context, hit.task.tgid))
		return 0; /* net/http's */
	served = served_insert(&hit);
	if (!served)
		return 0;
	served->context = context;
	call_begin(&served->event, &hit, LIBRARY_GO_GRPC_SERVER, ROLE_SERVER);
	stream_claimed(served, &hit, transport);
	call_text(&served->event, TEXT_PATH, stream, hit.program->field[GO_GRPC_STREAM_METHOD],
		  PATH_MAX);
	stream_begins(served);
	stream_taken(served, &hit);
	return 0;
}

static __always_inline struct grpc_served *served_now(struct go_hit *hit, u64 g)
{
	return go_hit_begin(hit, g) ? go_grpc_served_find(&hit->task) : NULL;
}

#define UNIMPLEMENTED 12
#define MESSAGE_BEGINS 15 /* bytes that tell */

/* Whether a status says that the server itself has no such method: see handleStream
 * in server.go. The message is the field behind the code. */
SUBPROGRAM bool is_unknown_method(const struct go_program *p, u64 status)
{
	u64 message = go_word(status, p->field[GO_GRPC_STATUS]);
	char text[MESSAGE_BEGINS + 1] = {};
	struct go_string s = {};

	bpf_probe_read_user(&s, sizeof(s), (void *)(message + p->field[GO_GRPC_STATUS_CODE] + 8));
	if (s.len < MESSAGE_BEGINS || bpf_probe_read_user(text, MESSAGE_BEGINS, (void *)s.data))
		return false;
	return !__builtin_memcmp(text, "unknown service", MESSAGE_BEGINS) ||
	       !__builtin_memcmp(text, "unknown method ", MESSAGE_BEGINS) ||
	       !__builtin_memcmp(text, "malformed metho", MESSAGE_BEGINS);
}

/* (*http2Server).writeStatus(t, stream, *status.Status): the last that is done to a
 * stream */
SEC("uprobe")
int go_grpc_status(struct pt_regs *ctx)
{
	u64 status = GO_2(ctx);
	struct grpc_served *served;
	struct go_hit hit;

	served = served_now(&hit, GO_G(ctx));
	if (!served)
		return 0;
	served->event.status = grpc_status(hit.program, status);
	if (served->event.status == UNIMPLEMENTED + 1 && is_unknown_method(hit.program, status))
		served->event.call_flags |= CALL_UNKNOWN_METHOD;
	stream_ends(&hit, served);
	return 0;
}

/* (*Server).processUnaryRPC, behind sendResponse, which returns an error: until
 * v1.83 only a status is written, not what ails a connection */
SEC("uprobe")
int go_grpc_unsent(struct pt_regs *ctx)
{
	u64 itab = GO_0(ctx);
	struct grpc_served *served;
	struct go_hit hit;

	if (!itab || is_status(itab))
		return 0;
	served = served_now(&hit, GO_G(ctx));
	if (!served)
		return 0;
	served->event.call_flags |= CALL_FAILED;
	stream_ends(&hit, served);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
