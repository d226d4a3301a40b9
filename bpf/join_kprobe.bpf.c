// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* Joins by a kprobe on the function that join_fentry uses. */
#include "join_send.h"

SEC("kprobe/tcp_sendmsg_locked")
int BPF_KPROBE(join_tcp_sendmsg, struct sock *sk, struct msghdr *msg, u64 size)
{
	return join_sending(sk, size);
}

SEC("kprobe/unix_stream_sendmsg")
int BPF_KPROBE(join_unix_sendmsg, struct socket *socket, struct msghdr *msg, u64 size)
{
	return join_unix_begins(socket, size);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
