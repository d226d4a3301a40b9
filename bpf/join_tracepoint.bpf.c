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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
