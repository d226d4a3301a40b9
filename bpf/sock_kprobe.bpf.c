// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The socket source by kprobes on the functions that sock_fentry uses. */
#include "socket.h"

/* The call that a thread is in, keyed by pid_tgid: a kretprobe has no arguments.
 * Inserted by the kprobe, deleted by the kretprobe. */
struct entered {
	u64 sk;
	u64 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct entered);
} entries SEC(".maps");

static __always_inline int enter(struct socket *sock, int flags)
{
	u64 id = bpf_get_current_pid_tgid();
	struct entered e = { .flags = flags };

	if (!target_current())
		return 0;
	e.sk = (u64)BPF_CORE_READ(sock, sk);
	bpf_map_update_elem(&entries, &id, &e, BPF_ANY);
	return 0;
}

/* False: no kprobe was hit for this return. */
static __always_inline bool leave(struct entered *e)
{
	u64 id = bpf_get_current_pid_tgid();
	struct entered *found;

	if (!target_current())
		return false;
	found = bpf_map_lookup_elem(&entries, &id);
	if (!found)
		return false;
	*e = *found;
	bpf_map_delete_elem(&entries, &id);
	return true;
}

SEC("kprobe/inet_sendmsg,inet6_sendmsg,unix_stream_sendmsg,?inet_sendpage")
int BPF_KPROBE(enter_send, struct socket *sock)
{
	return enter(sock, 0);
}

SEC("kretprobe/inet_sendmsg,inet6_sendmsg,unix_stream_sendmsg,?inet_sendpage")
int BPF_KRETPROBE(leave_send, int ret)
{
	struct entered e;

	return leave(&e) ? socket_sent((struct sock *)e.sk, ret) : 0;
}

SEC("kprobe/inet_recvmsg,inet6_recvmsg,unix_stream_recvmsg")
int BPF_KPROBE(enter_receive, struct socket *sock, void *msg, u64 size, int flags)
{
	return enter(sock, flags);
}

SEC("kretprobe/inet_recvmsg,inet6_recvmsg,unix_stream_recvmsg")
int BPF_KRETPROBE(leave_receive, int ret)
{
	struct entered e;

	return leave(&e) ? socket_received((struct sock *)e.sk, ret, e.flags) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
