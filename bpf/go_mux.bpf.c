// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The routes of github.com/gorilla/mux. */
#include "go_route.h"

#define TYPE_PREFIX 2 /* regexpTypePrefix in regexp.go */

/* requestWithRoute(r, route): the route is there, and no other request changes it */
SEC("uprobe")
int go_mux_matched(struct pt_regs *ctx)
{
	u64 route = GO_1(ctx), path;
	struct go_string s = {};
	struct route r = {};
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	path = go_word(route, hit.program->field[GO_MUX_PATH]);
	if (!path)
		return 0; /* matched by host, or nothing was */
	bpf_probe_read_user(&s, sizeof(s), (void *)(path + hit.program->field[GO_MUX_TEMPLATE]));
	if (!s.len || s.len > sizeof(r.text) - 1)
		return 0;
	r.len = s.len;
	if (bpf_probe_read_user(r.text, r.len, (void *)s.data))
		return 0;
	if (go_word(path, hit.program->field[GO_MUX_TYPE]) == TYPE_PREFIX)
		r.len++; /* a zero byte, and nothing behind it */
	route_note(&hit, &r);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
