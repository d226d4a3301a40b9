// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* The life of connections and processes, by tracepoints that every supported
 * kernel has. Used beside whichever flavour of the socket source. */
#include "conn.h"

/* Report execs and listening sockets of every process: the agent looks for new
 * targets. */
const volatile bool announce_all = false;

/* Bytes that have come and the target has not read, without a FIN's one. */
static __always_inline u32 unread(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	u32 waiting = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	return waiting - (waiting && BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN);
}

/* Add to blocking sockets too. In a sockmap a blocked receive that is woken by
 * something other than data (a reset, a signal, shutdown by another thread)
 * ends with EAGAIN, see tcp_bpf_recvmsg in net/ipv4/tcp_bpf.c. */
const volatile bool inject_blocking = true;

/* Nothing may be added to what a program sends until the agent knows the program. */
const volatile bool inject_careful;

static __always_inline bool sock_is_blocking(struct sock *sk)
{
	return !(BPF_CORE_READ(sk, sk_socket, file, f_flags) & O_NONBLOCK);
}

static __always_inline void tcp_closing(struct sock *sk, struct conn *c, int from, int to)
{
	int error = BPF_CORE_READ(sk, sk_err);

	if (error) {
		conn_close(sk, c, CLOSE_RESET, error);
	} else if (unread(sk)) {
		/* And will be read: the destroy hook tells of the end. */
		if (to != TCP_CLOSE)
			conn_half_closed(sk, c);
	} else if (from == TCP_CLOSE_WAIT) {
		conn_close(sk, c, CLOSE_REMOTE, 0);
	} else if (to == TCP_CLOSE || BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK) {
		conn_close(sk, c, CLOSE_LOCAL, 0);
	} else {
		conn_half_closed(sk, c); /* shutdown(SHUT_WR): the target still reads */
	}
}

/* The notifications of MSG_ZEROCOPY count elements, and a header would be one
 * more. */
static __always_inline bool sock_is_zerocopy(struct sock *sk)
{
	u64 flags = BPF_CORE_READ(sk, __sk_common.skc_flags);

	return flags >> bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY) & 1;
}

static __always_inline void announce_listen(struct sock *sk)
{
	struct listen_event *e = event_reserve(sizeof(*e), EVENT_LISTEN);

	if (!e)
		return;
	e->h.tgid = bpf_get_current_pid_tgid() >> 32;
	e->h.tid = bpf_get_current_pid_tgid();
	e->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->family = sock_family(sk);
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	event_submit(e, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int from, int to)
{
	u64 key = (u64)sk;
	struct conn *c;

	if (to == TCP_SYN_SENT) { /* in connect(), so current is the target */
		u32 tgid = bpf_get_current_pid_tgid() >> 32;
		const struct target *t = target_current();
		u16 family = sock_family(sk);

		if (!t || !sock_is_stream(sk, family))
			return 0;
		c = conn_insert(sk, family, tgid);
		if (!c)
			return 0;
		c->flags = CONN_ACTIVE | CONN_FROM_START;
		c->no_sockmap = t->no_inject || sock_is_zerocopy(sk) ||
				(!inject_blocking && sock_is_blocking(sk));
		return 0;
	}
	if (to == TCP_LISTEN) {
		if (announce_all)
			announce_listen(sk);
		return 0;
	}
	if (to != TCP_CLOSE && to != TCP_FIN_WAIT1 && to != TCP_LAST_ACK)
		return 0;
	c = bpf_map_lookup_elem(&conns, &key);
	if (c)
		tcp_closing(sk, c, from, to);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroy_sock, struct sock *sk)
{
	u64 key = (u64)sk;
	struct conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c)
		return 0;
	conn_close(sk, c, CLOSE_UNKNOWN, BPF_CORE_READ(sk, sk_err));
	bpf_map_delete_elem(&conns, &key);
	return 0;
}

static __always_inline void announce_process(struct task_struct *p, u16 kind, u32 parent,
					     bool is_target)
{
	struct process_event *e = event_reserve(sizeof(*e), kind);

	if (!e)
		return;
	e->h.tgid = BPF_CORE_READ(p, tgid);
	e->h.tid = BPF_CORE_READ(p, pid);
	e->parent = parent;
	e->is_target = is_target;
	BPF_CORE_READ_STR_INTO(&e->comm, p, comm);
	/* Of others the agent's own clock is soon enough: their execs are no
	 * business of ours to slow down. */
	event_submit(e, is_target ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 from = BPF_CORE_READ(parent, tgid), to = BPF_CORE_READ(child, tgid);
	struct target *t = bpf_map_lookup_elem(&targets, &from);
	struct target copy;

	if (!t || from == to) /* a thread */
		return 0;
	copy = *t;
	if (bpf_map_update_elem(&targets, &to, &copy, BPF_ANY)) {
		drop(DROP_TARGETS_FULL);
		return 0;
	}
	announce_process(child, EVENT_FORK, from, true);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *p)
{
	u32 tgid = BPF_CORE_READ(p, tgid);
	struct target *t = bpf_map_lookup_elem(&targets, &tgid);

	if (t) { /* another program: the agent says what its tasks are */
		t->settled = 0;
		t->program = 0;
		t->goid_offset = 0;
		t->g_tls_offset = 0;
		t->no_inject = inject_careful && !t->next_known;
		t->next_known = 0;
	}
	if (t || announce_all)
		announce_process(p, EVENT_EXEC, 0, !!t);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *p)
{
	u32 tgid = BPF_CORE_READ(p, tgid);
	struct task_key key = {};

	if (!bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	key.id = BPF_CORE_READ(p, pid);
	key.tgid = tgid;
	bpf_map_delete_elem(&tasks, &key); /* its number will be another thread's */
	if (BPF_CORE_READ(p, signal, live.counter))
		return 0; /* other threads live on */
	announce_process(p, EVENT_EXIT, 0, true);
	bpf_map_delete_elem(&targets, &tgid);
	bpf_map_delete_elem(&serving, &tgid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
