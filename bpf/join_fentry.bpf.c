// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* Joins by a trampoline on what all sends of TCP pass with the socket locked. */
#include "join_send.h"

SEC("fentry/tcp_sendmsg_locked")
int BPF_PROG(join_tcp_sendmsg, struct sock *sk, struct msghdr *msg, u64 size)
{
	return join_sending(sk, size);
}

SEC("fentry/unix_stream_sendmsg")
int BPF_PROG(join_unix_sendmsg, struct socket *socket, struct msghdr *msg, u64 size)
{
	return join_unix_begins(socket, size);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
