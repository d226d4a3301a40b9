// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The routes of github.com/go-chi/chi/v5. */
#include "go_route.h"

/* (*Mux).ServeHTTP of the outermost router, which has taken its context from a pool: the
 * branch that tests what (*Pool).Get returned, an any */
SEC("uprobe")
int go_chi_serve(struct pt_regs *ctx)
{
	struct route r = { .context = GO_1(ctx), .is_slice = 1 };
	struct go_hit hit;

	if (!go_hit_begin(&hit, GO_G(ctx)))
		return 0;
	r.at = r.context + hit.program->field[GO_CHI_PATTERNS];
	route_note(&hit, &r);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
