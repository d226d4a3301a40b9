/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The statement that a goroutine runs through Go's database/sql. */
#ifndef THROUGHLINE_GO_SQL_H
#define THROUGHLINE_GO_SQL_H

#include "go_call.h"

/* A statement from its connection to its end. */
struct sql_made {
	struct call_event event;
	u64 query;    /* address of its text */
	u64 failed;   /* when its connection turned out to be bad */
	u32 waiting;  /* has no connection, as far as is known */
	u32 attempts; /* whose connection was bad */
};

/* Inserted by the hooks of which a statement has one, deleted by the hook that ends it and, if
 * its process is gone, by the agent's sweep. */
OPEN_CALLS(go_sql_made, struct task_key, struct sql_made)

#endif
