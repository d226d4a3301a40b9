// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* Requests that Go's net/http serves, over HTTP/1, TLS and HTTP/2. */
#include "go_call.h"
#include "go_context.h"
#include "go_route.h"
#include "join.h"

/* A request while its handler runs. */
struct served {
	struct call_event event;
	u64 request;  /* *http.Request */
	u64 response; /* what the http.ResponseWriter holds */
	u64 context;  /* what the request's context.Context holds */
	u64 header;   /* the request's map */
	union {
		struct go_image image;	     /* of the request, at its beginning */
		struct header_search search; /* from then on */
	};
};

/* Inserted by go_http_serve, deleted by the hook that ends the request and, if the
 * goroutine died before, by the agent's sweep. */
OPEN_CALLS(go_served, struct task_key, struct served)

static __always_inline struct header_search *header_search(u64 goid)
{
	struct task_key key = { .id = goid, .is_goroutine = 1 };
	struct served *served;

	key.tgid = bpf_get_current_pid_tgid() >> 32;
	served = go_served_find(&key);
	if (!served)
		return NULL;
	barrier_var(served); /* the address is not reckoned before the test */
	return &served->search;
}

/* In canonical form. */
#define UPGRADE                         \
	(struct header_name)            \
	{                               \
		7, { 0x65646172677055 } \
	}

/* The connection that the goroutine has served before, or whose request the
 * socket source saw it read. */
static __always_inline struct conn *served_conn(const struct task *task, u64 *sock)
{
	struct conn *c;

	if (!task || !task->sock)
		return NULL;
	*sock = task->sock;
	c = bpf_map_lookup_elem(&conns, sock);
	return c && c->gen == task->gen && c->role == ROLE_SERVER ? c : NULL;
}

/* The connection behind a response of HTTP/1 over plain TCP. */
SUBPROGRAM struct conn *response_conn(const struct go_hit *hit, struct served *served, u64 *sock)
{
	const struct go_program *p = hit->program;
	u64 conn = go_word(served->response, p->field[GO_RESPONSE_CONN]);
	struct sock *sk = go_socket(p, go_held(conn, p->field[GO_CONN_RWC]), false, &served->image);

	*sock = (u64)sk;
	return go_claim(hit, sk, ROLE_SERVER);
}

/* The socket under a response of HTTP/1 over TLS, which is not claimed. */
SUBPROGRAM struct conn *tls_conn(const struct go_program *p, struct served *served, u64 *sock)
{
	u64 conn = go_word(served->response, p->field[GO_RESPONSE_CONN]);

	*sock = (u64)go_socket(p, go_held(conn, p->field[GO_CONN_RWC]), true, &served->image);
	return bpf_map_lookup_elem(&conns, sock);
}

/* The span of a request without a header: a child of who sent it, if that is a target
 * on this host. */
static __always_inline bool request_joins(struct served *served, const struct go_hit *hit,
					  struct conn *c)
{
	struct call_event *e = &served->event;
	u64 sock = e->h.sock;
	u32 place = JOIN_TURN_BEGINS;

	if (!joining || e->major != 1)
		return false;
	if (e->call_flags & CALL_TLS) {
		c = tls_conn(hit->program, served, &sock);
		place = JOIN_IN_TURN;
	}
	return c && join_take((struct sock *)sock, c, place, &e->h.ctx);
}

/* The span of the request: the one that the socket source has begun, which has read
 * the context, or one of the request's own. */
SUBPROGRAM void request_begins(struct served *served, const struct go_hit *hit, struct conn *c)
{
	struct call_event *e = &served->event;
	struct carried *carried;
	struct gather *g;
	bool joined;

	if (c && c->exchange == EXCHANGE_OPEN && c->flags & CONN_TAKEN) {
		e->h.ctx = c->ctx;
		e->start = c->half[DIRECTION_RECEIVED].last;
		if (c->flags & CONN_REMOTE_CONTEXT)
			e->call_flags |= CALL_REMOTE_CONTEXT;
		carried = carried_of(e->h.ctx.span_id);
		if (carried)
			call_carried(e, carried);
		conn_finish(c);
	} else {
		g = header_context(&served->search, e->h.task, served->header, SOUGHT_HTTP);
		joined = !(g && g->remote.format) && request_joins(served, hit, c);
		call_served(e, g, joined);
		if (g)
			gather_delete(e->h.task);
	}
	if (joining && c && !go_has_sdk(hit->program))
		join_welcome((struct sock *)e->h.sock, c);
}

/* From now on the goroutine, and whoever is handed the context, serves it. known: what
 * the goroutine has served before, or NULL. */
SUBPROGRAM void request_taken(const struct served *served, const struct go_hit *hit,
			      struct task *known)
{
	struct go_context_key key = { .context = served->context, .tgid = hit->task.tgid };
	const struct call_event *e = &served->event;
	struct task task = {
		.ctx = e->h.ctx,
		.sock = e->h.sock,
		.gen = e->h.gen,
		.open = 1,
	};

	if (known)
		*known = task; /* the goroutine is its only writer */
	else if (bpf_map_update_elem(&tasks, &hit->task, &task, BPF_ANY))
		drop(DROP_TASKS_FULL);
	if (key.context && bpf_map_update_elem(&go_contexts, &key, &e->h.ctx, BPF_ANY))
		drop(DROP_CALLS_FULL);
}

/* Reads what an http.Request says of itself. */
SUBPROGRAM void request_read(struct served *served, const struct go_program *p)
{
	struct go_image *image = &served->image;
	struct call_event *e = &served->event;

	go_image_read(image, served->request);
	e->major = go_image_word(image, p->field[GO_REQUEST_PROTO_MAJOR]);
	e->minor = go_image_word(image, p->field[GO_REQUEST_PROTO_MINOR]);
	e->request_size = go_image_word(image, p->field[GO_REQUEST_CONTENT_LENGTH]);
	if (go_image_word(image, p->field[GO_REQUEST_TLS]))
		e->call_flags |= CALL_TLS;
	served->header = go_image_word(image, p->field[GO_REQUEST_HEADER]);
	served->context = go_image_held(image, p->field[GO_REQUEST_CTX]);
	call_image_text(e, TEXT_METHOD, image, p->field[GO_REQUEST_METHOD], METHOD_MAX);
	call_text(e, TEXT_PATH, go_image_word(image, p->field[GO_REQUEST_URL]),
		  p->field[GO_URL_PATH], PATH_MAX);
	call_image_text(e, TEXT_HOST, image, p->field[GO_REQUEST_HOST], HOST_MAX);
}

/* net/http.serverHandler.ServeHTTP(sh, rw ResponseWriter, req *Request) */
SEC("uprobe")
int go_http_serve(struct pt_regs *ctx)
{
	struct served *served;
	struct conn *c = NULL;
	struct call_event *e;
	struct task *task;
	struct go_hit hit;
	u64 sock = 0;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	served = go_served_insert(&hit.task);
	if (!served)
		return 0;
	task = bpf_map_lookup_elem(&tasks, &hit.task);
	e = &served->event;
	served->response = GO_2(ctx);
	served->request = GO_3(ctx);
	call_begin(e, &hit, LIBRARY_GO_HTTP_SERVER, ROLE_SERVER);
	request_read(served, hit.program);
	if (e->major == 1 && !(e->call_flags & CALL_TLS)) {
		c = served_conn(task, &sock);
		if (!c || !(c->flags & CONN_CLAIMED))
			c = response_conn(&hit, served, &sock);
		if (!c)
			go_image_read(&served->image, served->request); /* once more */
	}
	if (c) {
		e->h.sock = sock;
		e->h.gen = c->gen;
	} else {
		call_image_text(e, TEXT_PEER, &served->image,
				hit.program->field[GO_REQUEST_REMOTE_ADDR], PEER_MAX);
	}
	request_begins(served, &hit, c);
	request_taken(served, &hit, task);
	return 0;
}

/* The request is answered, or will not be. */
SUBPROGRAM void request_ends(const struct go_hit *hit, struct served *served)
{
	struct go_context_key key = { .context = served->context, .tgid = hit->task.tgid };
	struct call_event *e = &served->event;

	e->told = sdk_served(hit, &key, &e->h.ctx);
	bpf_map_delete_elem(&go_contexts, &key);
	if (e->h.sock) {
		struct task *task = bpf_map_lookup_elem(&tasks, &hit->task);

		if (task)
			task->open = 0; /* remembers the connection */
	} else {
		bpf_map_delete_elem(&tasks, &hit->task);
	}
	call_text(e, TEXT_ROUTE, served->request, hit->program->field[GO_REQUEST_PATTERN],
		  ROUTE_MAX);
	if (route_expected(hit->program))
		route_tell(hit, e);
	call_submit(e, hit->now);
	go_served_delete(&hit->task);
}

/* What the goroutine serves, or NULL. */
static __always_inline struct served *served_now(struct go_hit *hit, u64 g)
{
	return go_hit_begin(hit, g) ? go_served_find(&hit->task) : NULL;
}

/* Nobody gets the answer: the connection was torn down meanwhile. */
static __always_inline bool served_in_vain(const struct served *served)
{
	u64 sock = served->event.h.sock;
	struct conn *c;

	if (!sock)
		return false;
	c = bpf_map_lookup_elem(&conns, &sock);
	return !c || c->gen != served->event.h.gen || c->flags & CONN_CLOSED;
}

#define STATUS_OK 200 /* of a handler that wrote nothing */
#define STATUS_SWITCHING_PROTOCOLS 101

/* net/http.(*response).finishRequest(w) */
SEC("uprobe")
int go_http_finish(struct pt_regs *ctx)
{
	u64 response = GO_0(ctx), status;
	struct served *served;
	struct go_hit hit;

	served = served_now(&hit, GO_G(ctx));
	if (!served)
		return 0;
	if (served_in_vain(served)) {
		served->event.call_flags |= CALL_RESET;
		request_ends(&hit, served);
		return 0;
	}
	status = go_word(response, hit.program->field[GO_RESPONSE_STATUS]);
	served->event.status = status ? status : STATUS_OK;
	served->event.response_size = go_word(response, hit.program->field[GO_RESPONSE_WRITTEN]);
	request_ends(&hit, served);
	return 0;
}

/* What runs when a handler of HTTP/2 has returned or panicked: the function that
 * runHandler defers, or (*http2responseWriter).handlerDone */
SEC("uprobe")
int go_http2_finish(struct pt_regs *ctx)
{
	const struct go_program *p;
	struct served *served;
	struct go_hit hit;
	u64 state, status;

	served = served_now(&hit, GO_G(ctx));
	if (!served || served->event.major != 2)
		return 0;
	p = hit.program;
	state = go_word(served->response, p->field[GO_H2_WRITER_STATE]);
	status = go_word(state, p->field[GO_H2_STATE_STATUS]);
	served->event.response_size = go_word(state, p->field[GO_H2_STATE_WRITTEN]);
	if (go_word(hit.g, p->field[GO_G_PANIC]))
		served->event.call_flags |= CALL_PANICKED;
	else
		served->event.status = status ? status : STATUS_OK;
	request_ends(&hit, served);
	return 0;
}

/* net/http.(*conn).close(): while a handler has not returned, it panicked */
SEC("uprobe")
int go_http_close(struct pt_regs *ctx)
{
	struct served *served;
	struct go_hit hit;

	served = served_now(&hit, GO_G(ctx));
	if (!served)
		return 0;
	served->event.call_flags |= CALL_PANICKED;
	request_ends(&hit, served);
	return 0;
}

/* net/http.(*response).Hijack(w): the connection is the handler's from now on */
SEC("uprobe")
int go_http_hijack(struct pt_regs *ctx)
{
	struct served *served;
	struct go_hit hit;
	struct conn *c;
	u64 sock;

	served = served_now(&hit, GO_G(ctx));
	if (!served)
		return 0;
	sock = served->event.h.sock;
	c = bpf_map_lookup_elem(&conns, &sock);
	if (c)
		c->flags |= CONN_UPGRADED;
	header_find(&served->search, hit.task.id, served->header, UPGRADE);
	if (served->search.value.data)
		served->event.status = STATUS_SWITCHING_PROTOCOLS;
	served->event.call_flags |= CALL_HIJACKED;
	request_ends(&hit, served);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
