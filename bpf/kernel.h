/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types that the programs read, with the few fields they need.
 * CO-RE moves each access to where the running kernel has the field.
 */
#ifndef THROUGHLINE_KERNEL_H
#define THROUGHLINE_KERNEL_H

#define __VMLINUX_H__ /* registers are named as in the kernel, see bpf_tracing.h */

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define NULL ((void *)0)
#define true 1
#define false 0
typedef _Bool bool;

/* A function with a stack frame of its own: a chain of calls may use 512 bytes. */
#define SUBPROGRAM static __noinline __attribute__((unused))

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_STREAM 1
#define O_NONBLOCK 04000
#define MSG_PEEK 2
#define RCV_SHUTDOWN 1 /* include/net/sock.h */
#define MSG_ERRQUEUE 0x2000
#define SHUTDOWN_MASK 3

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_FIN_WAIT1 = 4,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
};

enum sock_flags {
	SOCK_ZEROCOPY = 24, /* include/net/sock.h; CO-RE knows the kernel's number */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};

typedef struct {
	s64 counter;
} atomic64_t;

struct sock_common {
	unsigned short skc_family;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct socket;

struct sk_buff {
	char cb[48];
	unsigned int len;
};

struct sk_buff_head {
	struct sk_buff *prev;
	u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol;
	u8 sk_shutdown;
	int sk_err;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
};

struct file {
	unsigned int f_flags;
	struct inode *f_inode;
	void *private_data;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct tcp_sock {
	u32 write_seq;
	u32 copied_seq;
	u32 rcv_nxt;
	u32 snd_una;
	u64 bytes_received;
	u64 bytes_acked;
};

struct iov_iter {
	unsigned long count;
};

struct msghdr {
	struct iov_iter msg_iter;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct thread_struct {
	unsigned long fsbase; /* x86 */
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct task_struct {
	void *stack;
	int pid;
	int tgid;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct thread_struct thread;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 pstate;
};
struct pt_regs {
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 pstate;
	u64 orig_x0;
	s32 syscallno;
};
#else
#error "one of __TARGET_ARCH_x86 and __TARGET_ARCH_arm64 has to be defined"
#endif

#pragma clang attribute pop

struct iovec {
	u64 iov_base;
	u64 iov_len;
};

/* The user's struct msghdr on a 64-bit system, as far as it is read. */
struct user_msghdr {
	u64 msg_name;
	u32 msg_namelen;
	u32 padding;
	u64 msg_iov;
	u64 msg_iovlen;
};

#define USER_MSGHDR_SIZE 56 /* sizeof(struct user_msghdr) in the kernel */
#define USER_MMSGHDR_SIZE 64

#include <bpf/bpf_tracing.h>

#endif
