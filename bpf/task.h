/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What runs a request inside a target, and which request that is. */
#ifndef THROUGHLINE_TASK_H
#define THROUGHLINE_TASK_H

#include "events.h"
#include "target.h"
#include "regs.h"

/* Inserted when a task takes up its first request (task_take), deleted when its
 * thread exits. Goroutines end unseen, hence the LRU. No other task may delete an
 * entry: its owner could take up a request between the look and the deletion. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct task_key);
	__type(value, struct task);
} tasks SEC(".maps");

/* The goroutine that runs now: g is found through the thread pointer on x86
 * (runtime/tls_amd64.s keeps it at -8(FS) in executables) and in x28 on arm64
 * (cmd/compile/abi-internal.md). 0: none, or unreadable. */
static __always_inline u64 goroutine_current(const struct target *t)
{
	u64 g = 0, goid = 0;

#if defined(__TARGET_ARCH_x86)
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 base = BPF_CORE_READ(task, thread.fsbase);

	if (bpf_probe_read_user(&g, sizeof(g), (void *)(base + (s64)t->g_tls_offset)))
		return 0;
#else
	struct pt_regs *regs = syscall_regs();

	g = BPF_CORE_READ(regs, regs[28]);
#endif
	if (!g || bpf_probe_read_user(&goid, sizeof(goid), (void *)(g + t->goid_offset)))
		return 0;
	return goid;
}

/* What runs now; id 0: not known. */
static __always_inline void task_current(const struct target *t, struct task_key *key)
{
	u64 id = bpf_get_current_pid_tgid();

	key->tgid = id >> 32;
	key->id = t->settled ? (u32)id : 0;
	key->is_goroutine = 0;
	if (t->goid_offset) {
		u64 goid = goroutine_current(t);

		if (goid) {
			key->id = goid;
			key->is_goroutine = 1;
		}
	}
}

/* The owner of c takes up the request that came on it; task is what is known of
 * the owner so far, or NULL. False: it already serves another request, so that
 * nothing it sends can be given a parent by task. */
SUBPROGRAM bool task_take(struct task *task, const struct conn *c, u64 sock)
{
	struct task fresh = {};

	if (!c->owner.id)
		return true;
	if (!task) {
		fresh.ctx = c->ctx;
		fresh.sock = sock;
		fresh.gen = c->gen;
		fresh.open = 1;
		if (bpf_map_update_elem(&tasks, &c->owner, &fresh, BPF_ANY))
			drop(DROP_TASKS_FULL);
		return true;
	}
	if (task->open) {
		__sync_fetch_and_add(&task->open, 1);
		task->overlapped = 1;
		drop(DROP_EVENT_LOOP);
		return false;
	}
	task->open = 1;
	task->overlapped = 0;
	task->ctx = c->ctx;
	task->sock = sock;
	task->gen = c->gen;
	return true;
}

/* A request that the task had taken up is answered or given up. */
static __always_inline void task_done(const struct task_key *key)
{
	struct task *task;

	if (!key->id)
		return;
	task = bpf_map_lookup_elem(&tasks, key);
	if (task && task->open)
		__sync_fetch_and_add(&task->open, -1);
}

/* What the task serves, if that is one request and no other. */
static __always_inline struct task *task_serving(const struct task_key *key, bool *overlapped)
{
	struct task *task = bpf_map_lookup_elem(&tasks, key);

	*overlapped = task && task->open && task->overlapped;
	return task && task->open && !task->overlapped ? task : NULL;
}

#endif
