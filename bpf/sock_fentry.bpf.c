// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The socket source by trampolines on the functions through which every family's
 * calls pass, also those of sockets in a sockmap. */
#include "socket.h"

struct msghdr;
struct page;

SEC("fexit/inet_sendmsg")
int BPF_PROG(inet_sendmsg, struct socket *sock, struct msghdr *msg, u64 size, int ret)
{
	return socket_sent(BPF_CORE_READ(sock, sk), ret);
}

SEC("fexit/inet6_sendmsg")
int BPF_PROG(inet6_sendmsg, struct socket *sock, struct msghdr *msg, u64 size, int ret)
{
	return socket_sent(BPF_CORE_READ(sock, sk), ret);
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(unix_stream_sendmsg, struct socket *sock, struct msghdr *msg, u64 size, int ret)
{
	return socket_sent(BPF_CORE_READ(sock, sk), ret);
}

/* Gone in 6.5 (dc97391e6610, "sock: Remove ->sendpage*()"). */
SEC("?fexit/inet_sendpage")
int BPF_PROG(inet_sendpage, struct socket *sock, struct page *page, int offset, u64 size, int flags,
	     int ret)
{
	return socket_sent(BPF_CORE_READ(sock, sk), ret);
}

SEC("fexit/inet_recvmsg")
int BPF_PROG(inet_recvmsg, struct socket *sock, struct msghdr *msg, u64 size, int flags, int ret)
{
	return socket_received(BPF_CORE_READ(sock, sk), ret, flags);
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(inet6_recvmsg, struct socket *sock, struct msghdr *msg, u64 size, int flags, int ret)
{
	return socket_received(BPF_CORE_READ(sock, sk), ret, flags);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(unix_stream_recvmsg, struct socket *sock, struct msghdr *msg, u64 size, int flags,
	     int ret)
{
	return socket_received(BPF_CORE_READ(sock, sk), ret, flags);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
