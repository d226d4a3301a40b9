// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Requests that Go's net/http makes. All of them pass (*Transport).roundTrip,
 * which asks getConn for a connection and sends on it; the probes sit at the
 * branches that test the error of either, in the goroutine that made the request.
 */
#include "go_call.h"

/* When a goroutine began to wait for a new connection. Inserted by
 * go_http_dial, deleted by the next hook. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct task_key);
	__type(value, u64);
} go_dials SEC(".maps");

/* (*Transport).queueForDial: no idle connection is there. */
SEC("uprobe")
int go_http_dial(struct pt_regs *ctx)
{
	struct go_hit hit;

	if (go_hit_begin(&hit, GO_G(ctx)))
		bpf_map_update_elem(&go_dials, &hit.task, &hit.now, BPF_ANY);
	return 0;
}

static __always_inline u64 dial_began(const struct go_hit *hit)
{
	u64 *found = bpf_map_lookup_elem(&go_dials, &hit->task);
	u64 began;

	if (!found)
		return hit->now;
	began = *found;
	bpf_map_delete_elem(&go_dials, &hit->task);
	return began;
}

/* Tells the connection which span its next request is. */
static __always_inline void request_prepared(struct call_event *e, const struct go_hit *hit,
					     u64 connection, const struct trace_context *cause)
{
	const struct go_program *p = hit->program;
	bool tls = go_word(connection, p->field[GO_PERSIST_CONN_TLS_STATE]);
	struct sock *sk = go_socket(p, go_held(connection, p->field[GO_PERSIST_CONN_CONN]), tls);
	struct conn *c = go_claim(hit, sk, ROLE_CLIENT);

	if (!c)
		return;
	e->h.sock = (u64)sk;
	e->h.gen = c->gen;
	if (tls)
		return;
	c->ctx = e->h.ctx;
	__builtin_memset(c->caller, 0, sizeof(c->caller));
	if (cause)
		__builtin_memcpy(c->caller, cause->parent_id, sizeof(c->caller));
	c->flags |= CONN_PREPARED;
}

static __always_inline void request_texts(struct call_event *e, const struct go_program *p,
					  u64 request)
{
	u64 url = go_word(request, p->field[GO_REQUEST_URL]);

	call_text(e, TEXT_METHOD, request, p->field[GO_REQUEST_METHOD], METHOD_MAX);
	call_text(e, TEXT_PATH, url, p->field[GO_URL_PATH], PATH_MAX);
	call_text(e, TEXT_HOST, url, p->field[GO_URL_HOST], HOST_MAX);
	e->request_size = go_word(request, p->field[GO_REQUEST_CONTENT_LENGTH]);
	if (go_held(url, p->field[GO_URL_SCHEME]) == sizeof("https") - 1) /* or http */
		e->call_flags |= CALL_TLS;
}

/* (*Transport).roundTrip, behind getConn, which returns (*persistConn, error) */
SEC("uprobe")
int go_http_connected(struct pt_regs *ctx)
{
	u64 connection = GO_0(ctx), failed = GO_1(ctx), request, context;
	struct trace_context *cause;
	const struct go_program *p;
	struct call_event *e;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	p = hit.program;
	request = go_word(go_word(GO_SP(ctx), p->transport_request), p->field[GO_TRANSPORT_REQUEST]);
	e = call_room(&hit, LIBRARY_GO_HTTP_CLIENT, ROLE_CLIENT);
	if (!e || !request)
		return 0;
	e->start = dial_began(&hit);
	context = go_held(request, p->field[GO_REQUEST_CTX]);
	cause = go_cause(&hit, context);
	if (cause)
		trace_new_child(&e->h.ctx, cause);
	else
		trace_new_root(&e->h.ctx);
	request_texts(e, p, request);
	if (failed) {
		e->call_flags |= CALL_FAILED;
		call_submit(e, hit.now);
		return 0;
	}
	if (!go_word(connection, p->field[GO_PERSIST_CONN_ALT]))
		request_prepared(e, &hit, connection, cause);
	if (bpf_map_update_elem(&go_made, &hit.task, e, BPF_ANY))
		drop(DROP_CALLS_FULL);
	return 0;
}

/* What went over the wire is the span that is told. */
static __always_inline void request_sent(struct call_event *e)
{
	u64 sock = e->h.sock;
	struct conn *c;

	if (!sock || e->call_flags & CALL_TLS)
		return;
	c = bpf_map_lookup_elem(&conns, &sock);
	if (!c || c->gen != e->h.gen)
		return;
	e->h.ctx = c->ctx;
	c->flags &= ~CONN_PREPARED;
	c->exchange = EXCHANGE_NONE;
}

/* (*Transport).roundTrip, behind the connection's own, which returns
 * (*Response, error) */
SEC("uprobe")
int go_http_answered(struct pt_regs *ctx)
{
	u64 response = GO_0(ctx), failed = GO_1(ctx);
	const struct go_program *p;
	struct call_event *e;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	e = bpf_map_lookup_elem(&go_made, &hit.task);
	if (!e)
		return 0;
	p = hit.program;
	if (failed) {
		e->call_flags |= CALL_FAILED;
	} else {
		e->status = go_word(response, p->field[GO_CLIENT_RESPONSE_STATUS]);
		e->major = go_word(response, p->field[GO_CLIENT_RESPONSE_PROTO_MAJOR]);
		e->minor = go_word(response, p->field[GO_CLIENT_RESPONSE_PROTO_MINOR]);
		e->response_size = go_word(response, p->field[GO_CLIENT_RESPONSE_CONTENT_LENGTH]);
	}
	request_sent(e);
	call_submit(e, hit.now);
	bpf_map_delete_elem(&go_made, &hit.task);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
