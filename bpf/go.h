/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Go programs: what is known of them, and how their memory is read. A probe sits
 * behind the stack check at the beginning of a function, where the arguments are
 * still in registers (cmd/compile/abi-internal.md), or at the branch that tests
 * what a call returned.
 */
#ifndef THROUGHLINE_GO_H
#define THROUGHLINE_GO_H

#include "target.h"
#include "trace.h"
#include "task.h"

/* Inserted by the agent, one a Go executable. Entry 0 is none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GO_PROGRAMS);
	__type(key, u32);
	__type(value, struct go_program);
} go_programs SEC(".maps");

/* Integer arguments and results in order, the current g, the stack pointer. */
#if defined(__TARGET_ARCH_x86)
#define GO_0(ctx) ((ctx)->ax)
#define GO_1(ctx) ((ctx)->bx)
#define GO_2(ctx) ((ctx)->cx)
#define GO_3(ctx) ((ctx)->di)
#define GO_5(ctx) ((ctx)->r8)
#define GO_6(ctx) ((ctx)->r9)
#define GO_7(ctx) ((ctx)->r10)
#define GO_8(ctx) ((ctx)->r11)
#define GO_G(ctx) ((ctx)->r14)
#define GO_SP(ctx) ((ctx)->sp)
#else
#define GO_REG(ctx, n) (((const struct user_pt_regs *)(ctx))->regs[n])
#define GO_0(ctx) GO_REG(ctx, 0)
#define GO_1(ctx) GO_REG(ctx, 1)
#define GO_2(ctx) GO_REG(ctx, 2)
#define GO_3(ctx) GO_REG(ctx, 3)
#define GO_5(ctx) GO_REG(ctx, 5)
#define GO_6(ctx) GO_REG(ctx, 6)
#define GO_7(ctx) GO_REG(ctx, 7)
#define GO_8(ctx) GO_REG(ctx, 8)
#define GO_G(ctx) GO_REG(ctx, 28)
#define GO_SP(ctx) (((const struct user_pt_regs *)(ctx))->sp)
#endif

/* What one hit begins with: whose it is. */
struct go_hit {
	const struct go_program *program;
	struct task_key task;
	u64 g;
	u64 now;
};

struct go_string {
	u64 data;
	u64 len;
};

/* context/context.go: of valueCtx all, of others what begins with their parent. */
struct value_context {
	u64 parent[2];
	u64 key_type;
	u64 key;
	u64 value_type;
	u64 value;
};

/* internal/abi/type.go */
enum {
	GO_KIND_POINTER = 22,
	GO_KIND_MASK = 31, /* above it there are flags until Go 1.23 */
};

/* The word at base + offset; 0: absent or unreadable. */
static __always_inline u64 go_word(u64 base, u16 offset)
{
	u64 word = 0;

	if (!base || offset == GO_ABSENT)
		return 0;
	bpf_probe_read_user(&word, sizeof(word), (void *)(base + offset));
	return word;
}

static __always_inline u8 go_byte(u64 base, u16 offset)
{
	u8 byte = 0;

	if (base && offset != GO_ABSENT)
		bpf_probe_read_user(&byte, sizeof(byte), (void *)(base + offset));
	return byte;
}

#define PAGE_BYTES 4096 /* or a multiple of it */

/*
 * Copies size bytes, more than a struct has if need be. Where the next page was never
 * touched, which makes a read of it fail, what the struct has there is zero.
 */
static __always_inline bool go_read(void *to, u32 size, u64 from)
{
	u32 left = PAGE_BYTES - (from & (PAGE_BYTES - 1));

	if (!bpf_probe_read_user(to, size, (void *)from))
		return true;
	asm volatile("" : "+r"(left)); /* what is compared is what is used */
	return left < size && !bpf_probe_read_user(to, left, (void *)from);
}

#define IMAGE_WORDS 33 /* an http.Request up to and with ctx, Go 1.27 */

/* The beginning of a struct, read in one go: a call of bpf_probe_read_user costs
 * far more than the bytes do. */
struct go_image {
	u64 word[IMAGE_WORDS];
};

static __always_inline void go_image_read(struct go_image *image, u64 base)
{
	if (!base || !go_read(image, sizeof(*image), base))
		__builtin_memset(image, 0, sizeof(*image));
}

/* The word that an offset is in; 0: absent. */
static __always_inline u64 go_image_word(const struct go_image *image, u16 offset)
{
	u32 i = offset / sizeof(u64);

	asm volatile("" : "+r"(i));
	return i < IMAGE_WORDS ? image->word[i] : 0;
}

static __always_inline u8 go_image_byte(const struct go_image *image, u16 offset)
{
	return go_image_word(image, offset) >> offset % sizeof(u64) * 8;
}

/* The second word of the interface value at an offset. */
static __always_inline u64 go_image_held(const struct go_image *image, u16 offset)
{
	return offset == GO_ABSENT ? 0 : go_image_word(image, offset + sizeof(u64));
}

/* The second word of an interface value: what it holds. */
static __always_inline u64 go_held(u64 base, u16 offset)
{
	return offset == GO_ABSENT ? 0 : go_word(base, offset + 8);
}

/* The home that a function's nth word of arguments has on the stack of its caller
 * (cmd/compile/abi-internal.md), for a probe in its body. The compiler need not have
 * put it there. */
static __always_inline u64 go_argument_home(struct pt_regs *ctx, u32 n)
{
#if defined(__TARGET_ARCH_x86)
	return go_word(ctx->bp, 16 + 8 * n);
#else
	/* The caller's frame pointer is right below its stack pointer. */
	return go_word(go_word(GO_REG(ctx, 29), 0), 16 + 8 * n);
#endif
}

/* What is known of the current process's program, or NULL. */
static __always_inline const struct go_program *go_program_current(void)
{
	const struct target *t = target_current();
	u32 index;

	if (!t || !t->program)
		return NULL;
	index = t->program;
	return bpf_map_lookup_elem(&go_programs, &index);
}

/* False: not a target, or nothing is known of its program. */
static __always_inline bool go_hit_begin(struct go_hit *hit, u64 g)
{
	hit->program = go_program_current();
	if (!hit->program)
		return false;
	hit->g = g;
	hit->now = bpf_ktime_get_ns();
	hit->task.tgid = bpf_get_current_pid_tgid() >> 32;
	hit->task.is_goroutine = 1;
	hit->task.id = go_word(g, hit->program->field[GO_G_GOID]);
	return hit->task.id != 0;
}

/* Inserted when a request's handler begins, deleted when it has ended and, if its
 * process is gone, by the agent's sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct go_context_key);
	__type(value, struct trace_context);
} go_contexts SEC(".maps");

#define CONTEXT_CHAIN_MAX 48

/*
 * The span of the request that a context.Context was derived from. Every context
 * of the standard library has its parent as its first field (context/context.go),
 * so that the word behind its beginning is what the parent interface holds. NULL:
 * none that is open.
 */
static __always_inline struct trace_context *go_context_span(u64 context, u32 tgid)
{
	struct go_context_key key = { .tgid = tgid };

	for (u32 i = 0; i < CONTEXT_CHAIN_MAX; i++) {
		struct trace_context *found;

		if (!context)
			return NULL;
		key.context = context;
		found = bpf_map_lookup_elem(&go_contexts, &key);
		if (found)
			return found;
		if (bpf_probe_read_user(&context, sizeof(context), (void *)(context + 8)))
			return NULL;
	}
	return NULL;
}

#endif
