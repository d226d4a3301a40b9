// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Requests that Go's net/http makes. All of them pass (*Transport).roundTrip,
 * which asks getConn for a connection and sends on it; the probes sit at the
 * branches that test the error of either, in the goroutine that made the request.
 */
#include "go_call.h"
#include "go_context.h"
#include "go_outgoing.h"
#include "join.h"

/* A request from its connection to its answer. */
struct made {
	struct call_event event;
	u64 url;	    /* *url.URL: a request that is tried again is copied */
	u64 header;	    /* http.Header */
	u8 caller[8] WORDS; /* who called the request that caused this one */
	union {		    /* at a time */
		struct go_image image;
		struct header_search search;
	};
};

/* Inserted by go_http_connected, deleted by the hook that ends the request and, if
 * the goroutine died before, by the agent's sweep. */
OPEN_CALLS(go_made, struct task_key, struct made)

static __always_inline struct header_search *header_search(u64 goid)
{
	struct task_key key = { .id = goid, .is_goroutine = 1 };
	struct made *made;

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	made = go_made_find(&key);
	if (!made)
		return NULL;
	barrier_var(made); /* the address is not reckoned before the test */
	return &made->search;
}

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
SUBPROGRAM void request_prepared(struct made *made, const struct go_hit *hit, u64 connection)
{
	const struct go_program *p = hit->program;
	struct call_event *e = &made->event;
	u64 held, writer;
	struct sock *sk;
	struct conn *c;
	bool tls;

	go_image_read(&made->image, connection);
	if (go_image_word(&made->image, p->field[GO_PERSIST_CONN_ALT]))
		return; /* HTTP/2: go_http2_send comes */
	tls = go_image_word(&made->image, p->field[GO_PERSIST_CONN_TLS_STATE]);
	held = go_image_held(&made->image, p->field[GO_PERSIST_CONN_CONN]);
	writer = go_image_word(&made->image, p->field[GO_PERSIST_CONN_BW]);
	sk = go_socket(p, held, tls, &made->image);
	c = go_claim(hit, sk, ROLE_CLIENT);
	if (tls)
		outgoing_put(hit, writer, &e->h.ctx, made->header);
	else
		outgoing_drop(hit, writer);
	if (!c)
		return;
	e->h.sock = (u64)sk;
	e->h.gen = c->gen;
	if (tls) {
		/* The connection's own goroutine writes it, and waits for this one. */
		if (joining && c->family != AF_UNIX)
			join_leave(sk, c, &e->h.ctx);
		return;
	}
	c->ctx = e->h.ctx;
	__builtin_memcpy(c->caller, made->caller, sizeof(c->caller));
	c->flags |= CONN_PREPARED;
}

/* The socket of an HTTP/2 connection, whose bytes are no business of the socket
 * source. */
SUBPROGRAM void stream_claimed(struct made *made, const struct go_hit *hit, u64 connection)
{
	const struct go_program *p = hit->program;
	struct call_event *e = &made->event;
	struct sock *sk = go_socket(p, go_held(connection, p->field[GO_H2_CLIENT_CONN]),
				    e->call_flags & CALL_TLS, &made->image);
	struct conn *c = go_claim(hit, sk, ROLE_CLIENT);

	if (!c)
		return;
	e->h.sock = (u64)sk;
	e->h.gen = c->gen;
}

static __always_inline void response_read(struct made *made, const struct go_program *p,
					  u64 response)
{
	struct go_image *image = &made->image;
	struct call_event *e = &made->event;

	go_image_read(image, response);
	e->status = go_image_word(image, p->field[GO_CLIENT_RESPONSE_STATUS]);
	e->major = go_image_word(image, p->field[GO_CLIENT_RESPONSE_PROTO_MAJOR]);
	e->minor = go_image_word(image, p->field[GO_CLIENT_RESPONSE_PROTO_MINOR]);
	e->response_size = go_image_word(image, p->field[GO_CLIENT_RESPONSE_CONTENT_LENGTH]);
}

static __always_inline void stream_response_read(struct made *made, const struct go_program *p,
						 u64 response)
{
	struct go_image *image = &made->image;
	struct call_event *e = &made->event;

	go_image_read(image, response);
	e->status = go_image_word(image, p->field[GO_H2_RESPONSE_STATUS]);
	e->major = 2;
	e->response_size = go_image_word(image, p->field[GO_H2_RESPONSE_CONTENT_LENGTH]);
}

/* Reads the URL that is asked for. */
static __always_inline void url_read(struct made *made, const struct go_program *p, u64 url)
{
	struct go_image *image = &made->image;
	struct call_event *e = &made->event;

	go_image_read(image, url);
	call_image_text(e, TEXT_PATH, image, p->field[GO_URL_PATH], PATH_MAX);
	call_image_text(e, TEXT_HOST, image, p->field[GO_URL_HOST], HOST_MAX);
	if (go_image_held(image, p->field[GO_URL_SCHEME]) == sizeof("https") - 1) /* or http */
		e->call_flags |= CALL_TLS;
}

static __always_inline void made_submit(const struct go_hit *hit, struct made *made)
{
	call_submit(&made->event, hit->now);
	go_made_delete(&hit->task);
}

/* The request that begins, or NULL if it is tried once more on another connection:
 * then it is the one that is known. */
static __always_inline struct made *made_insert(const struct go_hit *hit, u64 request, u16 url)
{
	struct made *made = go_made_find(&hit->task);

	if (made) {
		if (made->url == go_word(request, url) && made->event.call_flags & CALL_FAILED)
			return NULL;
		made->event.call_flags |= CALL_FAILED; /* its end was not seen */
		made_submit(hit, made);
	}
	return go_made_insert(&hit->task);
}

/*
 * The header that a program with an SDK has put into its request. Unless a proxy
 * forwards what came in, or the program put in what causes the call, it is of the
 * call's own span: one that the SDK does not export, which the agent then tells of
 * if the SDK records it, but not if the SDK has left it out of its sample.
 */
SUBPROGRAM void header_told(struct made *made, const struct go_cause *cause)
{
	struct call_event *e = &made->event;
	struct trace_context own = {};
	bool has_own = false;
	struct gather *g;

	g = header_context(&made->search, e->h.task, made->header, SOUGHT_HTTP);
	if (g) {
		own = g->remote.ctx;
		has_own = g->remote.format;
		gather_delete(e->h.task);
	}
	if (!has_own)
		return;
	if (!__builtin_memcmp(own.span_id, made->caller, 8) ||
	    !__builtin_memcmp(own.span_id, e->h.ctx.parent_id, 8))
		return;
	e->told = __builtin_memcmp(own.span_id, cause->mute, 8) != 0;
	if (same_trace(&own, &e->h.ctx))
		__builtin_memcpy(own.parent_id, e->h.ctx.parent_id, 8);
	sampling_adopted(&own);
	e->h.ctx = own;
}

/* Who called the request that is served: what a proxy would forward. */
SUBPROGRAM void request_caller(struct made *made, const struct go_hit *hit, u64 context)
{
	struct trace_context *served = go_context_span(context, hit->task.tgid);
	struct task *task;
	bool overlapped;

	if (!served) {
		task = task_serving(&hit->task, &overlapped);
		served = task ? &task->ctx : NULL;
	}
	if (served)
		__builtin_memcpy(made->caller, served->parent_id, sizeof(made->caller));
}

/* Where a request has its fields: an http.Request's, or what HTTP/2's client has for
 * one. */
struct request_fields {
	u16 ctx;
	u16 method;
	u16 url;
	u16 header;
	u16 content_length;
};

static __always_inline void fields_of_request(struct request_fields *f, const struct go_program *p)
{
	f->ctx = p->field[GO_REQUEST_CTX];
	f->method = p->field[GO_REQUEST_METHOD];
	f->url = p->field[GO_REQUEST_URL];
	f->header = p->field[GO_REQUEST_HEADER];
	f->content_length = p->field[GO_REQUEST_CONTENT_LENGTH];
}

static __always_inline void fields_of_stream(struct request_fields *f, const struct go_program *p)
{
	f->ctx = p->field[GO_H2_REQUEST_CTX];
	f->method = p->field[GO_H2_REQUEST_METHOD];
	f->url = p->field[GO_H2_REQUEST_URL];
	f->header = p->field[GO_H2_REQUEST_HEADER];
	f->content_length = p->field[GO_H2_REQUEST_CONTENT_LENGTH];
}

SUBPROGRAM void request_begins(struct made *made, const struct go_hit *hit, u64 request,
			       const struct request_fields *f)
{
	struct go_image *image = &made->image;
	struct call_event *e = &made->event;
	struct go_cause cause;
	bool caused;
	u64 context;

	go_image_read(image, request);
	made->header = go_image_word(image, f->header);
	made->url = go_image_word(image, f->url);
	context = go_image_held(image, f->ctx);
	call_begin(e, hit, LIBRARY_GO_HTTP_CLIENT, ROLE_CLIENT);
	e->request_size = go_image_word(image, f->content_length);
	call_image_text(e, TEXT_METHOD, image, f->method, METHOD_MAX);
	caused = go_cause(hit, context, &cause);
	e->start = dial_began(hit);
	call_caused(e, &cause, caused);
	if (cause.kind)
		request_caller(made, hit, context);
	else if (caused)
		__builtin_memcpy(made->caller, cause.span.parent_id, sizeof(made->caller));
	if (go_has_sdk(hit->program) && !e->told)
		header_told(made, &cause);
	url_read(made, hit->program, made->url);
}

/* (*Transport).roundTrip, behind getConn, which returns (*persistConn, error) */
SEC("uprobe")
int go_http_connected(struct pt_regs *ctx)
{
	u64 connection = GO_0(ctx), failed = GO_1(ctx), request;
	struct request_fields fields;
	const struct go_program *p;
	struct made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	p = hit.program;
	request =
		go_word(go_word(GO_SP(ctx), p->transport_request), p->field[GO_TRANSPORT_REQUEST]);
	if (!request)
		return 0;
	fields_of_request(&fields, p);
	made = made_insert(&hit, request, fields.url);
	if (made) {
		request_begins(made, &hit, request, &fields);
	} else {
		made = go_made_find(&hit.task);
	}
	if (!made)
		return 0;
	if (failed) {
		made->event.call_flags |= CALL_FAILED;
		made_submit(&hit, made);
		return 0;
	}
	made->event.call_flags &= ~CALL_FAILED;
	request_prepared(made, &hit, connection);
	return 0;
}

/* (*http2ClientConn).roundTrip(cc, req, streamf): a stream of a connection that is
 * there, with or without go_http_connected before */
SEC("uprobe")
int go_http2_send(struct pt_regs *ctx)
{
	u64 connection = GO_0(ctx), request = GO_1(ctx);
	struct request_fields fields;
	struct made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	fields_of_stream(&fields, hit.program);
	made = go_made_find(&hit.task);
	if (!made || made->url != go_word(request, fields.url)) {
		made = made_insert(&hit, request, fields.url);
		if (!made)
			return 0;
		request_begins(made, &hit, request, &fields);
	}
	made->event.call_flags &= ~CALL_FAILED;
	stream_claimed(made, &hit, connection);
	outgoing_put(&hit, request, &made->event.h.ctx, made->header);
	return 0;
}

/* (*http2Transport).RoundTripOpt, behind roundTrip, which returns a response and an
 * error */
SEC("uprobe")
int go_http2_answered(struct pt_regs *ctx)
{
	u64 response = GO_0(ctx), failed = GO_1(ctx);
	struct made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	made = go_made_find(&hit.task);
	if (!made)
		return 0;
	if (failed)
		made->event.call_flags |= CALL_FAILED;
	else
		stream_response_read(made, hit.program, response);
	made_submit(&hit, made);
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
	struct call_event *e;
	struct made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	made = go_made_find(&hit.task);
	if (!made)
		return 0;
	e = &made->event;
	request_sent(e);
	if (failed) {
		/* To be tried once more, or not: go_http_given_up tells. */
		e->call_flags |= CALL_FAILED;
		return 0;
	}
	response_read(made, hit.program, response);
	made_submit(&hit, made);
	return 0;
}

/* (*Transport).roundTrip, behind shouldRetryRequest, which returns a bool. An
 * HTTP/2 connection that takes no more requests is retried without asking. */
SEC("uprobe")
int go_http_given_up(struct pt_regs *ctx)
{
	u8 retry = GO_0(ctx);
	struct made *made;
	struct go_hit hit;

	if (retry || !go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	made = go_made_find(&hit.task);
	if (made)
		made_submit(&hit, made);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
