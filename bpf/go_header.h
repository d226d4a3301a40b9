/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looking fields up in an http.Header, a map[string][]string: a swiss map since
 * Go 1.24 (internal/runtime/maps), buckets before (runtime/map.go). Every slot is
 * looked at, since the hash's key is not worth reading for so few: one walk finds one
 * field, or all those of the chosen formats.
 */
#ifndef THROUGHLINE_GO_HEADER_H
#define THROUGHLINE_GO_HEADER_H

#include "go_call.h"

#define SLOTS 8
#define GROUPS_MAX 16 /* of one table, or buckets: 128 fields */
#define TABLES_MAX 2
#define OVERFLOWS_MAX 2

struct go_strings {
	u64 data;
	u64 len;
	u64 cap;
};

/* internal/abi/map_swiss.go: a control word, then the slots. */
struct swiss_group {
	u8 control[SLOTS];
	struct {
		struct go_string key;
		struct go_strings value;
	} slot[SLOTS];
};

/* runtime/map.go, bmap: keys together, then values. */
struct bucket {
	u8 hash[SLOTS];
	struct go_string key[SLOTS];
	struct go_strings value[SLOTS];
	u64 overflow;
};

union header_slots {
	struct swiss_group group;
	struct bucket bucket;
};

/* The names of the chosen formats' fields by enum context_field, in canonical form and in
 * lower case. Set by the agent. */
const volatile struct header_name http_names[CONTEXT_FIELDS];
const volatile struct header_name grpc_names[CONTEXT_FIELDS];
/* Bits by the lengths of those names. tracestate's is not among them: User-Agent and
 * Connection are as long, and it says nothing without a traceparent. */
const volatile u64 context_lengths;

#define NAME_MAX 31 /* bytes of a name */

/* In canonical form, as little-endian words. */
#define HTTP_TRACEPARENT                             \
	(struct header_name)                         \
	{                                            \
		11, { 0x7261706563617254, 0x746e65 } \
	}

enum header_sought {
	SOUGHT_ONE = 0,
	SOUGHT_HTTP = 1, /* all of http_names */
	SOUGHT_GRPC = 2,
};

struct header_search {
	struct header_name name; /* of the one */
	union header_slots slots;
	struct go_string value; /* what was found; data 0: nothing, or several */
	bool found;
	u8 sought; /* enum header_sought */
	u16 reserved;
	u32 fields;		    /* bits by enum context_field: what was found */
	u64 lengths;		    /* bits: a name of another length is none that is sought */
	struct go_string key;	    /* the field that is looked at */
	struct header_name read;    /* its name */
	u64 at;			    /* where the program has its slice of values */
	u64 values[CONTEXT_FIELDS]; /* where the program has each one's slice */
};

/* Takes a field's only value. Several are malformed as one (trace-context 3.2). */
static __always_inline void header_take(struct header_search *s)
{
	struct go_strings values = {};

	s->found = true;
	bpf_probe_read_user(&values, sizeof(values), (void *)s->at);
	if (values.len == 1)
		bpf_probe_read_user(&s->value, sizeof(s->value), (void *)values.data);
}

static __always_inline bool name_is(const volatile struct header_name *name,
				    const struct header_name *key)
{
	u64 differs = name->len ^ key->len;

	for (u32 i = 0; i < 4; i++)
		differs |= name->word[i] ^ key->word[i];
	return !differs;
}

static __always_inline bool is_sought(const struct header_search *s, const struct go_string *key)
{
	return s->lengths >> (key->len & 63) & 1;
}

/* Of the request that a goroutine of the current process serves, or NULL. */
static __always_inline struct header_search *header_search(u64 goid);

/* A field whose name has a length that is sought. 0: the search is over. Global, as
 * header_group and header_bucket: the verifier walks it once. */
__noinline int header_match(u64 goid)
{
	struct header_search *s = header_search(goid);
	u64 len;

	if (!s)
		return 0;
	len = s->key.len;
	if (len > NAME_MAX)
		return 1;
	__builtin_memset(&s->read, 0, sizeof(s->read));
	s->read.len = len;
	bpf_probe_read_user(s->read.word, len & NAME_MAX, (void *)s->key.data);
	if (s->sought == SOUGHT_ONE) {
		if (!name_is(&s->name, &s->read))
			return 1;
		header_take(s);
		return 0;
	}
	for (u32 i = 1; i < CONTEXT_FIELDS; i++) {
		const volatile struct header_name *known =
			s->sought == SOUGHT_HTTP ? &http_names[i] : &grpc_names[i];

		if (!name_is(known, &s->read))
			continue;
		s->values[i] = s->at;
		s->fields |= 1 << i;
		break;
	}
	return 1;
}

/* 0: the search is over. Global, as header_bucket: the verifier walks it once. */
__noinline int header_group(u64 goid, u64 at)
{
	struct header_search *s = header_search(goid);
	struct swiss_group *g;

	if (!s)
		return 0;
	g = &s->slots.group;
	if (!go_read(g, sizeof(*g), at))
		return 0;
	for (u32 i = 0; i < SLOTS; i++) {
		if (g->control[i] & 0x80 || !is_sought(s, &g->slot[i].key))
			continue; /* empty or deleted, or another */
		s->key = g->slot[i].key;
		s->at = at + offsetof(struct swiss_group, slot[0].value) + i * sizeof(g->slot[0]);
		if (!header_match(goid))
			return 0;
	}
	return 1;
}

#define EMPTY_HASHES 4 /* runtime/map.go, minTopHash is 5 */

__noinline int header_bucket(u64 goid, u64 at)
{
	struct header_search *s = header_search(goid);
	struct bucket *b;

	if (!s)
		return 0;
	b = &s->slots.bucket;
	if (!go_read(b, sizeof(*b), at))
		return 0;
	for (u32 i = 0; i < SLOTS; i++) {
		if (b->hash[i] <= EMPTY_HASHES || !is_sought(s, &b->key[i]))
			continue; /* empty or deleted, or another */
		s->key = b->key[i];
		s->at = at + offsetof(struct bucket, value) + i * sizeof(b->value[0]);
		if (!header_match(goid))
			return 0;
	}
	return 1;
}

/* internal/runtime/maps/table.go: groups is {data, lengthMask}. */
static __always_inline bool header_table(u64 goid, u64 table, u16 groups)
{
	struct {
		u64 data;
		u64 mask;
	} reference = {};

	if (groups == GO_ABSENT ||
	    bpf_probe_read_user(&reference, sizeof(reference), (void *)(table + groups)))
		return false;
	for (u64 i = 0; i < GROUPS_MAX && i <= reference.mask; i++)
		if (!header_group(goid, reference.data + i * sizeof(struct swiss_group)))
			return false;
	return true;
}

static __always_inline void header_swiss(const struct go_program *p, u64 goid, u64 map)
{
	u64 tables = go_word(map, p->field[GO_MAP_DIR_LEN]);
	u64 at = go_word(map, p->field[GO_MAP_DIR_PTR]);

	if (!tables) {
		if (at)
			header_group(goid, at);
		return;
	}
	for (u64 i = 0; i < TABLES_MAX && i < tables; i++)
		if (!header_table(goid, go_word(at, i * 8), p->field[GO_TABLE_GROUPS]))
			return;
}

static __always_inline void header_buckets(struct header_search *s, const struct go_program *p,
					   u64 goid, u64 map)
{
	u64 at = go_word(map, p->field[GO_HMAP_BUCKETS]);
	u8 bits = go_byte(map, p->field[GO_HMAP_B]);

	for (u64 i = 0; i < GROUPS_MAX && i >> (bits & 15) == 0; i++) {
		u64 bucket = at + i * sizeof(struct bucket);

		for (u32 k = 0; k <= OVERFLOWS_MAX && bucket; k++) {
			if (!header_bucket(goid, bucket))
				return;
			bucket = s->slots.bucket.overflow;
		}
	}
}

/* Walks the header at an address for what is sought. Global, for the verifier's sake. */
__noinline int header_walk(u64 goid, u64 header)
{
	struct header_search *s = header_search(goid);
	const struct go_program *p = go_program_current();

	if (!s || !p)
		return 0;
	s->value.data = 0;
	s->value.len = 0;
	s->found = false;
	s->fields = 0;
	if (!header)
		return 0;
	if (p->field[GO_MAP_DIR_PTR] != GO_ABSENT)
		header_swiss(p, goid, header);
	else
		header_buckets(s, p, goid, header);
	return 0;
}

/* Looks one field up in the header at an address, for the request that a goroutine
 * serves or makes; what it says is s->value. */
static __always_inline void header_find(struct header_search *s, u64 goid, u64 header,
					struct header_name name)
{
	s->name = name;
	s->sought = SOUGHT_ONE;
	s->lengths = 1ULL << (name.len & 63);
	header_walk(goid, header);
}

#endif
