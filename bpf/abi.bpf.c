// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//go:build ignore

/* One variable per shared type, so that each is in this object's BTF. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define SHARED(type) const volatile struct type shared_##type
#define SHARED_ENUM(type) const volatile enum type shared_##type

SHARED(trace_context);
SHARED(event_header);
SHARED(data_event);
SHARED(open_event);
SHARED(close_event);
SHARED(process_event);
SHARED(listen_event);
SHARED(leave_event);
SHARED(call_event);
SHARED(claim_event);
SHARED(target);
SHARED(go_program);
SHARED(go_context_key);
SHARED(task_key);
SHARED(task);
SHARED(half);
SHARED(conn);
SHARED(header_name);
SHARED(block_patch);
SHARED(header_block);
SHARED(counter_line);
SHARED(counters);
SHARED_ENUM(event_kind);
SHARED_ENUM(event_flag);
SHARED_ENUM(direction);
SHARED_ENUM(role);
SHARED_ENUM(close_reason);
SHARED_ENUM(call_text);
SHARED_ENUM(call_flag);
SHARED_ENUM(library);
SHARED_ENUM(database);
SHARED_ENUM(go_field);
SHARED_ENUM(go_offset);
SHARED_ENUM(exchange_state);
SHARED_ENUM(scan_state);
SHARED_ENUM(scan_flag);
SHARED_ENUM(sampling_mark);
SHARED_ENUM(report_state);
SHARED_ENUM(context_field);
SHARED_ENUM(context_format);
SHARED_ENUM(patch_kind);
SHARED_ENUM(conn_flag);
SHARED_ENUM(drop_reason);
SHARED_ENUM(count_kind);
