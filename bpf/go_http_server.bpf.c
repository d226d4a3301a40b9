// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* Requests that Go's net/http serves, over HTTP/1, TLS and HTTP/2. */
#include "go_call.h"

/* Header names in canonical form, as little-endian words. */
#define TRACEPARENT (struct header_name){ 11, { 0x7261706563617254, 0x746e65 } }
#define TRACESTATE (struct header_name){ 10, { 0x6174736563617254, 0x6574 } }

/* Reads traceparent and tracestate out of the header at the address. */
SUBPROGRAM bool header_context(struct call_event *e, const struct go_program *p, u64 header,
			       struct trace_context *remote)
{
	struct header_search *s = header_search();
	u8 value[64] WORDS = {};
	u64 len;

	if (!s)
		return false;
	s->name = TRACEPARENT;
	header_find(s, p, header);
	len = s->value.len;
	if (!s->value.data || len < TRACEPARENT_SIZE)
		return false;
	if (len > sizeof(value) - 1)
		len = sizeof(value) - 1;
	if (bpf_probe_read_user(value, len, (void *)s->value.data) ||
	    !trace_parse(value, len, remote))
		return false;
	s->name = TRACESTATE;
	header_find(s, p, header);
	if (s->value.len <= TRACESTATE_MAX)
		call_append(e, TEXT_TRACESTATE, s->value.data, s->value.len, TRACESTATE_MAX);
	return true;
}

/* The connection that the goroutine has served before, or whose request the
 * socket source saw it read. */
static __always_inline struct conn *served_conn(const struct go_hit *hit, u64 *sock)
{
	struct task *task = bpf_map_lookup_elem(&tasks, &hit->task);
	struct conn *c;

	if (!task || !task->sock)
		return NULL;
	*sock = task->sock;
	c = bpf_map_lookup_elem(&conns, sock);
	return c && c->gen == task->gen && c->role == ROLE_SERVER ? c : NULL;
}

/* The connection behind a response of HTTP/1 over plain TCP. */
static __always_inline struct conn *response_conn(const struct go_hit *hit, u64 response, u64 *sock)
{
	const struct go_program *p = hit->program;
	u64 conn = go_word(response, p->field[GO_RESPONSE_CONN]);
	struct sock *sk = go_socket(p, go_held(conn, p->field[GO_CONN_RWC]), false);

	*sock = (u64)sk;
	return go_claim(hit, sk, ROLE_SERVER);
}

/* The span of the request: the one that the socket source has begun, or one of
 * the request's own. */
static __always_inline void request_begins(struct call_event *e, const struct go_hit *hit,
					   u64 request, struct conn *c)
{
	const struct go_program *p = hit->program;
	struct trace_context remote = {};
	bool called = header_context(e, p, go_word(request, p->field[GO_REQUEST_HEADER]), &remote);

	if (called)
		e->call_flags |= CALL_REMOTE_CONTEXT;
	if (c && c->exchange == EXCHANGE_OPEN && c->flags & CONN_TAKEN) {
		e->h.ctx = c->ctx;
		e->start = c->half[DIRECTION_RECEIVED].last;
		conn_finish(c);
		return;
	}
	if (called)
		trace_new_child(&e->h.ctx, &remote);
	else
		trace_new_root(&e->h.ctx);
}

/* From now on the goroutine, and whoever is handed the context, serves it. */
static __always_inline void request_taken(const struct call_event *e, const struct go_hit *hit,
					  u64 request)
{
	struct go_context_key key = { .tgid = hit->task.tgid };
	struct task task = {
		.ctx = e->h.ctx,
		.sock = e->h.sock,
		.gen = e->h.gen,
		.open = 1,
	};

	if (bpf_map_update_elem(&tasks, &hit->task, &task, BPF_ANY))
		drop(DROP_TASKS_FULL);
	key.context = go_held(request, hit->program->field[GO_REQUEST_CTX]);
	if (key.context && bpf_map_update_elem(&go_contexts, &key, &e->h.ctx, BPF_ANY))
		drop(DROP_CALLS_FULL);
}

/* net/http.serverHandler.ServeHTTP(sh, rw ResponseWriter, req *Request) */
SEC("uprobe")
int go_http_serve(struct pt_regs *ctx)
{
	u64 response = GO_2(ctx), request = GO_3(ctx), sock = 0;
	const struct go_program *p;
	struct call_event *e;
	struct go_hit hit;
	struct conn *c = NULL;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	e = call_room(&hit, LIBRARY_GO_HTTP_SERVER, ROLE_SERVER);
	if (!e)
		return 0;
	p = hit.program;
	e->major = go_word(request, p->field[GO_REQUEST_PROTO_MAJOR]);
	e->minor = go_word(request, p->field[GO_REQUEST_PROTO_MINOR]);
	e->request_size = go_word(request, p->field[GO_REQUEST_CONTENT_LENGTH]);
	if (go_word(request, p->field[GO_REQUEST_TLS])) {
		e->call_flags |= CALL_TLS;
	} else if (e->major == 1) {
		c = served_conn(&hit, &sock);
		if (!c || !(c->flags & CONN_CLAIMED))
			c = response_conn(&hit, response, &sock);
	}
	if (c) {
		e->h.sock = sock;
		e->h.gen = c->gen;
	}
	call_text(e, TEXT_METHOD, request, p->field[GO_REQUEST_METHOD], METHOD_MAX);
	call_text(e, TEXT_PATH, go_word(request, p->field[GO_REQUEST_URL]), p->field[GO_URL_PATH],
		  PATH_MAX);
	call_text(e, TEXT_HOST, request, p->field[GO_REQUEST_HOST], HOST_MAX);
	call_text(e, TEXT_PEER, request, p->field[GO_REQUEST_REMOTE_ADDR], PEER_MAX);
	request_begins(e, &hit, request, c);
	request_taken(e, &hit, request);
	if (bpf_map_update_elem(&go_served, &hit.task, e, BPF_ANY))
		drop(DROP_CALLS_FULL);
	return 0;
}

/* The request is answered, or will not be. */
static __always_inline void request_ends(const struct go_hit *hit, struct call_event *e,
					 u64 request)
{
	struct go_context_key key = { .tgid = hit->task.tgid };

	key.context = go_held(request, hit->program->field[GO_REQUEST_CTX]);
	bpf_map_delete_elem(&go_contexts, &key);
	if (e->h.sock) {
		struct task *task = bpf_map_lookup_elem(&tasks, &hit->task);

		if (task)
			task->open = 0; /* remembers the connection */
	} else {
		bpf_map_delete_elem(&tasks, &hit->task);
	}
	call_text(e, TEXT_ROUTE, request, hit->program->field[GO_REQUEST_PATTERN], ROUTE_MAX);
	call_submit(e, hit->now);
	bpf_map_delete_elem(&go_served, &hit->task);
}

#define STATUS_OK_IMPLIED 200 /* of a handler that wrote nothing */

/* net/http.(*response).finishRequest(w) */
SEC("uprobe")
int go_http_finish(struct pt_regs *ctx)
{
	u64 response = GO_0(ctx);
	const struct go_program *p;
	struct call_event *e;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	e = bpf_map_lookup_elem(&go_served, &hit.task);
	if (!e)
		return 0;
	p = hit.program;
	e->status = go_word(response, p->field[GO_RESPONSE_STATUS]);
	if (!e->status)
		e->status = STATUS_OK_IMPLIED;
	e->response_size = go_word(response, p->field[GO_RESPONSE_WRITTEN]);
	request_ends(&hit, e, go_word(response, p->field[GO_RESPONSE_REQ]));
	return 0;
}

/* net/http.(*http2responseWriter).handlerDone(w) */
SEC("uprobe")
int go_http2_finish(struct pt_regs *ctx)
{
	const struct go_program *p;
	struct call_event *e;
	struct go_hit hit;
	u64 state;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	e = bpf_map_lookup_elem(&go_served, &hit.task);
	if (!e)
		return 0;
	p = hit.program;
	state = go_word(GO_0(ctx), p->field[GO_H2_WRITER_STATE]);
	e->status = go_word(state, p->field[GO_H2_STATE_STATUS]);
	if (!e->status)
		e->status = STATUS_OK_IMPLIED;
	e->response_size = go_word(state, p->field[GO_H2_STATE_WRITTEN]);
	request_ends(&hit, e, go_word(state, p->field[GO_H2_STATE_REQ]));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
