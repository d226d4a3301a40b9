// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* Joins by TCP's own tracepoint, Linux 6.16 and later (commit 0f08335ade71, "trace: tcp:
 * Add tracepoint for tcp_sendmsg_locked()"). */
#include "join_send.h"

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(join_tcp_sendmsg, struct sock *sk, struct msghdr *msg)
{
	return join_sending(sk, BPF_CORE_READ(msg, msg_iter.count));
}

/* Linux 6.3 and later (commit 40e0b0908142, "net/sock: Introduce trace_sk_data_ready()").
 * Sockets of all kinds come here, mostly from interrupts. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(join_unix_sendmsg, struct sock *peer)
{
	return peer->__sk_common.skc_family == AF_UNIX ? join_unix_queued(peer) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
