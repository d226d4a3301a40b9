/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two sides of gRPC-Go have in common. */
#ifndef THROUGHLINE_GO_GRPC_H
#define THROUGHLINE_GO_GRPC_H

#include "go_call.h"

#define GRPC_CODES 17 /* OK to Unauthenticated */

/* internal/abi/type.go: the beginning of a type's description, and what stands
 * behind it for a pointer (the type pointed to) or a map (key and element). */
struct go_type {
	u64 size;
	u64 pointers;
	u32 hash;
	u8 flags, align, field_align;
	u8 kind;
	u64 equal;
	u64 gc;
	u64 names;
	u64 key;
	u64 element;
};

enum {
	KIND_MAP = 21,
	KIND_SLICE = 23,
	KIND_STRING = 24,
	KIND_STRUCT = 25,
};

static __always_inline u8 go_type_read(struct go_type *t, u64 at)
{
	if (!at || bpf_probe_read_user(t, sizeof(*t), (void *)at))
		return 0;
	return t->kind & GO_KIND_MASK;
}

/* status.Error, a struct of one pointer, unlike other errors that end a call. */
static __always_inline bool is_status(u64 itab)
{
	struct go_type t;

	return go_type_read(&t, go_word(itab, 8)) == GO_KIND_POINTER &&
	       go_type_read(&t, t.key) == KIND_STRUCT && t.size == 8 && t.pointers == 8;
}

/* call_event.status of a *status.Status; 0: it is none. */
static __always_inline u16 grpc_status(const struct go_program *p, u64 status)
{
	u64 message = go_word(status, p->field[GO_GRPC_STATUS]);
	u32 code = go_word(message, p->field[GO_GRPC_STATUS_CODE]);

	return message && code < GRPC_CODES ? code + 1 : 0;
}

#endif
