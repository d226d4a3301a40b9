// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The routes of github.com/labstack/echo/v4. */
#include "go_route.h"

/* (*Router).Find(r, method, path, c): c is from a pool, and reset. Until v4.9 the path
 * itself stands in c where nothing matches. */
SEC("uprobe")
int go_echo_find(struct pt_regs *ctx)
{
	struct route r = { .context = GO_6(ctx), .unrouted = GO_3(ctx) };
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	r.at = r.context + hit.program->field[GO_ECHO_PATH];
	route_note(&hit, &r);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
