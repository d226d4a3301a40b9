// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/*
 * Statements that a Go program runs through database/sql, in one goroutine from
 * begin to end: from where they have a connection, or for prepared ones are called
 * for, until there are rows or the connection is let go. A statement without a
 * connection is not reported.
 */
#include "go_sql.h"

#define QUERY_MAX 256

static __always_inline void made_submit(const struct go_hit *hit, struct sql_made *made, u64 now)
{
	call_submit(&made->event, now);
	go_sql_made_delete(&hit->task);
}

/* A statement begins, or is tried on another connection. context is what the
 * context.Context of the statement holds. */
SUBPROGRAM struct sql_made *statement_begins(const struct go_hit *hit, u64 context,
					     const struct go_string *query)
{
	struct sql_made *made = go_sql_made_find(&hit->task);
	struct go_cause cause;
	struct call_event *e;

	if (made && made->attempts) {
		if (made->query == query->data) {
			made->waiting = 0;
			return NULL;
		}
		/* There was no other connection. */
		made->event.call_flags |= CALL_FAILED;
		made_submit(hit, made, made->failed);
	}
	made = go_sql_made_insert(&hit->task);
	if (!made)
		return NULL;
	made->query = query->data;
	e = &made->event;
	call_begin(e, hit, LIBRARY_GO_SQL, ROLE_CLIENT);
	e->database = hit->program->database;
	call_caused(e, &cause, go_cause(hit, context, &cause));
	call_append(e, TEXT_PATH, query->data, query->len, QUERY_MAX);
	return made;
}

/* (*DB).queryDC(db, ctx, txctx, dc, releaseConn, query, args) */
SEC("uprobe")
int go_sql_query(struct pt_regs *ctx)
{
	struct go_string query = { GO_7(ctx), GO_8(ctx) };
	u64 context = GO_2(ctx);
	struct go_hit hit;

	if (go_hit_begin(&hit, GO_G(ctx)))
		statement_begins(&hit, context, &query);
	return 0;
}

/* (*DB).execDC(db, ctx, dc, release, query, args) */
SEC("uprobe")
int go_sql_exec(struct pt_regs *ctx)
{
	struct go_string query = { GO_5(ctx), GO_6(ctx) };
	u64 context = GO_2(ctx);
	struct go_hit hit;

	if (go_hit_begin(&hit, GO_G(ctx)))
		statement_begins(&hit, context, &query);
	return 0;
}

/* (*Stmt).ExecContext and QueryContext(s, ctx, args) */
SEC("uprobe")
int go_sql_prepared(struct pt_regs *ctx)
{
	u64 statement = GO_0(ctx), context = GO_2(ctx);
	struct go_string query = {};
	struct sql_made *made;
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	bpf_probe_read_user(&query, sizeof(query),
			    (void *)(statement + hit.program->field[GO_SQL_STMT_QUERY]));
	made = statement_begins(&hit, context, &query);
	if (made)
		made->waiting = 1;
	return 0;
}

static __always_inline struct sql_made *made_now(struct go_hit *hit, u64 g)
{
	return go_hit_begin(hit, g) ? go_sql_made_find(&hit->task) : NULL;
}

/* resultFromStatement: a prepared statement has its connection */
SEC("uprobe")
int go_sql_connected(struct pt_regs *ctx)
{
	struct sql_made *made;
	struct go_hit hit;

	made = made_now(&hit, GO_G(ctx));
	if (made)
		made->waiting = 0;
	return 0;
}

/* (*Rows).initContextClose: there are rows, be they none */
SEC("uprobe")
int go_sql_rows(struct pt_regs *ctx)
{
	struct sql_made *made;
	struct go_hit hit;

	made = made_now(&hit, GO_G(ctx));
	if (made)
		made_submit(&hit, made, hit.now);
	return 0;
}

#define BAD_CONNECTION "driver: bad connection" /* driver.ErrBadConn */
#define BAD_CONNECTIONS 2			/* that database/sql does not give up for */

/* Whether an error is driver.ErrBadConn, a *errors.errorString: nothing was sent. */
static __always_inline bool is_bad_connection(u64 held)
{
	u64 text[3] = {};
	struct go_string s = {};

	if (bpf_probe_read_user(&s, sizeof(s), (void *)held) ||
	    s.len != sizeof(BAD_CONNECTION) - 1 ||
	    bpf_probe_read_user(text, sizeof(BAD_CONNECTION) - 1, (void *)s.data))
		return false;
	return !__builtin_memcmp(text, BAD_CONNECTION, sizeof(BAD_CONNECTION) - 1);
}

/* The connection is let go, with an error or without. */
SUBPROGRAM void connection_released(struct go_hit *hit, struct sql_made *made, u64 itab, u64 held,
				    bool retried)
{
	if (!itab && made->waiting)
		return; /* of something else */
	if (itab && retried && made->attempts < BAD_CONNECTIONS && is_bad_connection(held)) {
		made->attempts++;
		made->waiting = 1;
		made->failed = hit->now;
		return;
	}
	if (itab)
		made->event.call_flags |= CALL_FAILED;
	made_submit(hit, made, hit->now);
}

/* (*DB).putConn(db, dc, err, resetSession) */
SEC("uprobe")
int go_sql_put(struct pt_regs *ctx)
{
	u64 itab = GO_2(ctx), held = GO_3(ctx);
	struct sql_made *made;
	struct go_hit hit;

	made = made_now(&hit, GO_G(ctx));
	if (made)
		connection_released(&hit, made, itab, held, true);
	return 0;
}

/* What releases the connection of a Tx or a Conn: a method as a func(error) */
SEC("uprobe")
int go_sql_release(struct pt_regs *ctx)
{
	u64 itab = GO_0(ctx), held = GO_1(ctx);
	struct sql_made *made;
	struct go_hit hit;

	made = made_now(&hit, GO_G(ctx));
	if (made)
		connection_released(&hit, made, itab, held, false);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
