// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The routes of github.com/gin-gonic/gin. */
#include "go_route.h"

/* (*Engine).handleHTTPRequest(engine, c): c is from a pool, and reset */
SEC("uprobe")
int go_gin_handle(struct pt_regs *ctx)
{
	struct route r = { .context = GO_1(ctx) };
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	r.at = r.context + hit.program->field[GO_GIN_FULL_PATH];
	route_note(&hit, &r);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
