// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The socket source by the socket layer's own tracepoints, Linux 6.3 and later
 * (commit 6e6eda44b939, "sock: add tracepoint for send recv length"). */
#include "socket.h"

SEC("tp_btf/sock_send_length")
int BPF_PROG(sock_send_length, struct sock *sk, int ret, int flags)
{
	return socket_sent(sk, ret);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sock_recv_length, struct sock *sk, int ret, int flags)
{
	return socket_received(sk, ret, flags);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
