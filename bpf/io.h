/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a system call's registers to the bytes that it moved. */
#ifndef THROUGHLINE_IO_H
#define THROUGHLINE_IO_H

#include "regs.h"
#include "events.h"

#define CAPTURE_MAX 4096 /* bytes copied of one call, a power of two */
#define IOVECS_MAX 8	 /* elements of a vector looked at; the rest is counted */
#define MESSAGES_MAX 4	 /* of sendmmsg and recvmmsg */

/* Where the bytes of a call are in the target's memory. */
struct io {
	struct iovec vec[IOVECS_MAX];
	u32 n;	       /* used elements of vec */
	u32 truncated; /* the call had more elements */
};

/* Position in a sendmmsg or recvmmsg vector, keyed by tid: the socket hooks are
 * hit once a message. Inserted by the first hit, overwritten by the next call. */
struct message_position {
	u64 vector;
	u32 next;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct message_position);
} message_positions SEC(".maps");

static __always_inline bool io_from_vector(struct io *io, u64 vector, u64 n)
{
	u32 k = n < IOVECS_MAX ? n : IOVECS_MAX;

	io->n = k;
	io->truncated = n > IOVECS_MAX;
	return !bpf_probe_read_user(io->vec, k * sizeof(struct iovec), (void *)vector);
}

static __always_inline bool io_from_message(struct io *io, u64 address)
{
	struct user_msghdr m;

	if (bpf_probe_read_user(&m, sizeof(m), (void *)address))
		return false;
	return io_from_vector(io, m.msg_iov, m.msg_iovlen);
}

/* The message of a vector that the current hit is about. */
static __always_inline bool io_from_messages(struct io *io, u64 vector, u32 n)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct message_position *known = bpf_map_lookup_elem(&message_positions, &tid);
	struct message_position at = { .vector = vector };

	if (known && known->vector == vector && known->next < n)
		at.next = known->next;
	if (!io_from_message(io, vector + (u64)at.next * USER_MMSGHDR_SIZE))
		return false;
	at.next++;
	bpf_map_update_elem(&message_positions, &tid, &at, BPF_ANY);
	return true;
}

/* All messages of a finished call as one run of bytes. */
static __always_inline bool io_from_all_messages(struct io *io, u64 vector, u32 n)
{
	u32 used = 0;

	for (u32 i = 0; i < MESSAGES_MAX && i < n; i++) {
		u64 at = vector + (u64)i * USER_MMSGHDR_SIZE;
		struct user_msghdr m;
		u32 left = 0;

		if (bpf_probe_read_user(&m, sizeof(m), (void *)at) ||
		    bpf_probe_read_user(&left, sizeof(left), (void *)(at + USER_MSGHDR_SIZE)))
			return false;
		for (u32 j = 0; j < IOVECS_MAX / MESSAGES_MAX && j < m.msg_iovlen; j++) {
			struct iovec *v = &io->vec[used & (IOVECS_MAX - 1)];

			if (bpf_probe_read_user(v, sizeof(*v),
						(void *)(m.msg_iov + (u64)j * sizeof(*v))))
				return false;
			if (v->iov_len > left)
				v->iov_len = left;
			left -= v->iov_len;
			used++;
		}
		if (left)
			break; /* more elements than are looked at: stop in order */
	}
	io->n = used;
	io->truncated = 1;
	return used > 0;
}

/* Finds the buffers of the current system call. False: it has none, or none
 * that is known. */
static __always_inline bool io_current(struct io *io, const struct syscall *s, u32 length)
{
	io->truncated = 0;
	switch (s->nr) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
		io->vec[0].iov_base = s->arg[1];
		io->vec[0].iov_len = length;
		io->n = 1;
		return true;
	case NR_READV:
	case NR_WRITEV:
		return io_from_vector(io, s->arg[1], s->arg[2]);
	case NR_SENDMSG:
	case NR_RECVMSG:
		return io_from_message(io, s->arg[1]);
	case NR_SENDMMSG:
	case NR_RECVMMSG:
#ifdef MESSAGES_AT_ONCE
		return io_from_all_messages(io, s->arg[1], s->arg[2]);
#else
		return io_from_messages(io, s->arg[1], s->arg[2]);
#endif
	case NR_SENDFILE:
	case NR_SPLICE:
		count(COUNT_SENDFILE, 1);
		return false;
	default:
		drop(DROP_SYSCALL_UNKNOWN);
		return false;
	}
}

/* Copies up to want of the first length bytes, returns how many. */
static __always_inline u32 io_copy(const struct io *io, u8 *to, u32 length, u32 want)
{
	u32 done = 0;

	if (want > length)
		want = length;
	if (want > CAPTURE_MAX)
		want = CAPTURE_MAX;
	for (u32 i = 0; i < IOVECS_MAX; i++) {
		u64 n;

		if (i >= io->n || done >= want)
			break;
		n = io->vec[i].iov_len;
		if (n > want - done)
			n = want - done;
		if (n > CAPTURE_MAX)
			n = CAPTURE_MAX;
		if (bpf_probe_read_user(to + (done & (CAPTURE_MAX - 1)), n,
					(void *)io->vec[i].iov_base)) {
			drop(DROP_BUFFER_UNREADABLE);
			break;
		}
		done += n;
	}
	return done > CAPTURE_MAX ? CAPTURE_MAX : done;
}

/* Copies the last bytes of a call of length bytes, returns how many: as many as
 * stand in the element that holds the last one, 0 if it is not looked at. */
static __always_inline u8 io_tail(const struct io *io, u8 *to, u32 length)
{
	u64 left = length;

	for (u32 i = 0; i < IOVECS_MAX; i++) {
		u64 n, k;

		if (i >= io->n)
			break;
		n = io->vec[i].iov_len;
		if (left > n) {
			left -= n;
			continue;
		}
		k = left < TAIL_SIZE ? left : TAIL_SIZE;
		if (bpf_probe_read_user(to, k, (void *)(io->vec[i].iov_base + left - k)))
			return 0;
		return k;
	}
	return 0;
}

/* The last bytes of a payload of len bytes, returns how many. */
static __always_inline u8 tail_copy(u8 *to, const u8 *payload, u32 len)
{
	if (len < TAIL_SIZE)
		return 0;
	__builtin_memcpy(to, payload + ((len - TAIL_SIZE) & (CAPTURE_MAX - 1)), TAIL_SIZE);
	return TAIL_SIZE;
}

#endif
