/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Looking a field up in an http.Header, a map[string][]string: a swiss map since
 * Go 1.24 (internal/runtime/maps), buckets before (runtime/map.go). Every slot is
 * looked at, since the hash's key is not worth reading for so few.
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

/* One field's name in canonical form, at most 16 bytes, as two words. */
struct header_name {
	u64 len;
	u64 word[2];
};

/* In canonical form, as little-endian words. */
#define HTTP_TRACEPARENT                             \
	(struct header_name)                         \
	{                                            \
		11, { 0x7261706563617254, 0x746e65 } \
	}

struct header_search {
	struct header_name name;
	union header_slots slots;
	struct go_string value; /* what was found; data 0: nothing, or several */
	bool found;
};

static __always_inline bool header_is(const struct header_search *s, const struct go_string *key)
{
	u64 word[2] = {};

	if (key->len != s->name.len)
		return false;
	bpf_probe_read_user(word, s->name.len & 15, (void *)key->data);
	return word[0] == s->name.word[0] && word[1] == s->name.word[1];
}

/* Takes a field's only value. Several are malformed as one (trace-context 3.2). */
static __always_inline void header_take(struct header_search *s, const struct go_strings *value)
{
	s->found = true;
	if (value->len == 1)
		bpf_probe_read_user(&s->value, sizeof(s->value), (void *)value->data);
}

/* Of the request that a goroutine of the current process serves, or NULL. */
static __always_inline struct header_search *header_search(u64 goid);

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
		if (g->control[i] & 0x80 || !header_is(s, &g->slot[i].key))
			continue; /* empty or deleted */
		header_take(s, &g->slot[i].value);
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
		if (b->hash[i] <= EMPTY_HASHES || !header_is(s, &b->key[i]))
			continue;
		header_take(s, &b->value[i]);
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

/*
 * Looks the field s->name up in the header at an address, for the request that a
 * goroutine serves; what it says is s->value. Global, for the verifier's sake.
 */
__noinline int header_find(u64 goid, u64 header)
{
	struct header_search *s = header_search(goid);
	const struct go_program *p = go_program_current();

	if (!s || !p)
		return 0;
	s->value.data = 0;
	s->value.len = 0;
	s->found = false;
	if (!header)
		return 0;
	if (p->field[GO_MAP_DIR_PTR] != GO_ABSENT)
		header_swiss(p, goid, header);
	else
		header_buckets(s, p, goid, header);
	return 0;
}

/* Reads the traceparent, by the name that it has in the map at header. False: there
 * is no valid one. */
static __always_inline bool header_traceparent(struct call_event *e, struct header_search *s,
					       u64 header, struct header_name name,
					       struct trace_context *remote)
{
	u8 value[64] WORDS = {};
	u64 len;

	s->name = name;
	header_find(e->h.task, header);
	len = s->value.len;
	if (!s->value.data || len < TRACEPARENT_SIZE)
		return false;
	if (len > sizeof(value) - 1)
		len = sizeof(value) - 1;
	return !bpf_probe_read_user(value, len, (void *)s->value.data) &&
	       trace_parse(value, len, remote);
}

/* Reads traceparent and tracestate, by the names they have in the map at header, into
 * remote and the call's texts. False: there is no valid context. */
static __always_inline bool header_remote(struct call_event *e, struct header_search *s, u64 header,
					  struct header_name traceparent,
					  struct header_name tracestate,
					  struct trace_context *remote)
{
	if (!header_traceparent(e, s, header, traceparent, remote))
		return false;
	s->name = tracestate;
	header_find(e->h.task, header);
	if (s->value.len <= TRACESTATE_MAX)
		call_append(e, TEXT_TRACESTATE, s->value.data, s->value.len, TRACESTATE_MAX);
	return true;
}

#endif
