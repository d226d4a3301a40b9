// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The socket source by the exits of system calls: the one that needs nothing but
 * tracepoints, and the only one that other processes pay for. */
#define MESSAGES_AT_ONCE /* sendmmsg and recvmmsg are one hit a call */
#include "fd.h"
#include "socket.h"

/* include/trace/events/syscalls.h; the layout is the same on every system call. */
struct sys_exit {
	u64 common;
	s64 nr;
	s64 ret;
};

/* The bytes that the messages of a finished call moved. */
static __always_inline u32 messages_length(const struct syscall *s, s64 messages)
{
	u32 bytes = 0;

	for (u32 i = 0; i < MESSAGES_MAX && i < messages; i++) {
		u32 len = 0;

		bpf_probe_read_user(
			&len, sizeof(len),
			(void *)(s->arg[1] + (u64)i * USER_MMSGHDR_SIZE + USER_MSGHDR_SIZE));
		bytes += len;
	}
	return bytes & 0x7fffffff;
}

static __always_inline int exit_call(s64 ret, u32 direction)
{
	struct syscall s;
	struct sock *sk;
	u32 flags = 0;

	if (!target_current() || (ret < 0 && direction == DIRECTION_RECEIVED))
		return 0;
	syscall_current(&s);
	if (s.nr == NR_UNKNOWN)
		return 0;
	/* sendfile(out, in): only a socket that is written to matters */
	sk = sock_from_fd(s.arg[0]);
	if (!sk)
		return 0;
	if (ret > 0 && (s.nr == NR_SENDMMSG || s.nr == NR_RECVMMSG))
		ret = messages_length(&s, ret);
	if (s.nr == NR_RECVFROM || s.nr == NR_RECVMMSG)
		flags = s.arg[3];
	if (s.nr == NR_RECVMSG)
		flags = s.arg[2];
	return direction == DIRECTION_SENT ? socket_sent(sk, ret) : socket_received(sk, ret, flags);
}

SEC("tracepoint/syscalls/sys_exit_write,sys_exit_writev,sys_exit_sendto,sys_exit_sendmsg,"
    "sys_exit_sendmmsg,sys_exit_sendfile64")
int exit_send(struct sys_exit *ctx)
{
	return exit_call(ctx->ret, DIRECTION_SENT);
}

SEC("tracepoint/syscalls/sys_exit_read,sys_exit_readv,sys_exit_recvfrom,sys_exit_recvmsg,"
    "sys_exit_recvmmsg")
int exit_receive(struct sys_exit *ctx)
{
	return exit_call(ctx->ret, DIRECTION_RECEIVED);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
