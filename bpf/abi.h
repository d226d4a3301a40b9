/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes that the kernel programs and the agent share. Nothing else is
 * shared: bpf/abi/types.go is generated from this file's BTF.
 *
 * Times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns). Process and thread
 * numbers are those of the initial pid namespace. Directions, "local" and
 * "remote" are the target's: received is what the target read.
 */
#ifndef THROUGHLINE_ABI_H
#define THROUGHLINE_ABI_H

/* Bytes that are copied as words: without it the compiler moves each by itself. */
#define WORDS __attribute__((aligned(8)))

/* Kinds of record in the ring. Numbers are never used twice. */
enum event_kind {
	EVENT_DATA = 1,	  /* struct data_event: one call moved bytes */
	EVENT_OPEN = 2,	  /* struct open_event: a connection was first seen */
	EVENT_CLOSE = 3,  /* struct close_event: a connection ended */
	EVENT_FORK = 4,	  /* struct process_event: a target forked a process */
	EVENT_EXEC = 5,	  /* struct process_event */
	EVENT_EXIT = 6,	  /* struct process_event: the last thread is gone */
	EVENT_LISTEN = 7, /* struct listen_event: any process, not only targets */
	EVENT_LEAVE = 8,  /* struct leave_event: no request will be injected into */
	EVENT_CALL = 9,	  /* struct call_event: a library served or made a request */
	EVENT_CLAIM = 10, /* struct claim_event: a library reports this connection's */
};

enum event_flag {
	/* The first byte of the payload begins a request, and ctx is the span
	 * that will describe it. */
	FLAG_REQUEST_START = 1 << 0,
	/* The direction changed with this call (or it is the first one). */
	FLAG_TURN = 1 << 1,
	/* A read returned 0: the peer sends no more. */
	FLAG_EOF = 1 << 2,
	/* The context was taken from the request's own traceparent. */
	FLAG_REMOTE_CONTEXT = 1 << 3,
	/* The task served several requests at once: no parent by task. */
	FLAG_OVERLAPPED = 1 << 4,
	/* The agent put this request's traceparent on the wire. */
	FLAG_INJECTED = 1 << 5,
	/* The user buffer could not be read or found; no bytes were captured. */
	FLAG_UNREADABLE = 1 << 6,
	/* Exchanges out of the sample were left out since the last event: the bytes
	 * between are no gap. Also of a close event. */
	FLAG_RESUMED = 1 << 7,
	/* The request that this call ends the head of is out of the sample: nothing
	 * of it follows, and what was told of it is void. */
	FLAG_UNSAMPLED = 1 << 8,
};

enum direction {
	DIRECTION_RECEIVED = 0,
	DIRECTION_SENT = 1,
};

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_SERVER = 1, /* the target receives the requests */
	ROLE_CLIENT = 2, /* the target sends the requests */
};

/* W3C Trace Context of one span. All zero: no span. */
struct trace_context {
	__u8 trace_id[16];
	__u8 span_id[8];
	__u8 parent_id[8]; /* zero: root of its trace */
	__u8 flags;	   /* trace-flags; bit 0 sampled */
	__u8 sampling;	   /* enum sampling_mark */
	__u8 reserved[6];
} WORDS;

enum sampling_mark {
	/* The agent's ratio sampled it: its threshold belongs into tracestate. */
	SAMPLING_BY_RATIO = 1 << 0,
};

/* Every record begins with this. */
struct event_header {
	__u16 kind;  /* enum event_kind */
	__u16 flags; /* enum event_flag */
	__u32 len;   /* of the whole record in bytes, header included */
	__u64 ktime;
	__u32 tgid;
	__u32 tid;
	__u64 task; /* goroutine id for Go targets, else the tid; see task.h */
	__u64 sock; /* address of the struct sock, an opaque number */
	__u64 gen;  /* opening generation: (sock, gen) names a connection */
	struct trace_context ctx;
};

#define TAIL_SIZE 8

struct data_event {
	struct event_header h;
	/* Bytes of this direction before this call, counted from where the
	 * connection was first seen. A value above the previous event's offset
	 * + length is a gap: bytes that were counted but not captured. */
	__u64 offset;
	__u64 start;			  /* when the earliest hook saw this call's bytes */
	__u64 previous;			  /* time of the previous call in this direction, 0: none */
	__u64 other_bytes;		  /* of the other direction so far */
	__u64 other_last;		  /* time of the last call in the other direction */
	__u32 length;			  /* bytes the call moved */
	__u32 captured;			  /* bytes of payload that follow, <= length */
	__u8 tail[TAIL_SIZE] WORDS;	  /* last bytes of the call */
	__u8 other_tail[TAIL_SIZE] WORDS; /* last bytes of the other direction, if
					   * its last call was not captured whole */
	__u8 direction;			  /* enum direction */
	__u8 tail_len;			  /* bytes in tail; 0 when captured == length */
	__u8 other_tail_len;
	__u8 reserved[5];
	/* captured bytes follow */
};

#define UNIX_PATH_SIZE 108

struct open_event {
	struct event_header h;
	__u16 family;	   /* AF_INET, AF_INET6 or AF_UNIX */
	__u16 local_port;  /* host byte order */
	__u16 remote_port; /* host byte order */
	__u8 active;	   /* the target connected; 0: accepted, or open before */
	__u8 from_start;   /* no byte passed before it was first seen */
	__u32 netns;	   /* inode of the network namespace */
	__u8 local[16];	   /* IPv4 in the first four bytes */
	__u8 remote[16];
	__u32 path_len;
	__u8 path[UNIX_PATH_SIZE]; /* name of the listening Unix socket */
};

enum close_reason {
	CLOSE_LOCAL = 1,   /* the target closed */
	CLOSE_RESET = 2,   /* reset, timed out or refused: see error */
	CLOSE_REMOTE = 3,  /* the peer closed first and all is done */
	CLOSE_UNKNOWN = 4, /* gone without a state change that was seen */
};

struct close_event {
	struct event_header h;
	__u64 received_bytes;
	__u64 sent_bytes;
	__u64 last_received;
	__u64 last_sent;
	__u8 received_tail[TAIL_SIZE] WORDS;
	__u8 sent_tail[TAIL_SIZE] WORDS;
	__u8 received_tail_len;
	__u8 sent_tail_len;
	__u8 reason; /* enum close_reason */
	__u8 reserved;
	__s32 error; /* sk_err, a positive errno or 0 */
};

struct process_event {
	struct event_header h; /* tgid: the process it is about */
	__u32 parent;	       /* tgid of the parent, EVENT_FORK only */
	__u32 is_target;       /* it was one when the event was made */
	__u8 comm[16];
};

struct listen_event {
	struct event_header h;
	__u16 port;
	__u16 family;
	__u32 netns;
};

/* The connection need not be in the sockmap any more. */
struct leave_event {
	struct event_header h;
	__u64 cookie; /* of the socket */
};

/* A connection whose exchanges a library's probes report from now on, the open
 * one included. */
struct claim_event {
	struct event_header h;
};

/* Texts of a call. They stand in call_event.text in the order in which they were
 * read, one behind the other: text_at and text_len tell which is where. */
enum call_text {
	TEXT_METHOD = 0,
	TEXT_PATH = 1,	     /* of a statement: how it begins, never exported */
	TEXT_HOST = 2,	     /* with its port, if it names one */
	TEXT_PEER = 3,	     /* "address:port" as the library has it */
	TEXT_TRACESTATE = 4, /* propagation, not telemetry */
	TEXT_ROUTE = 5,
	TEXT_ROUTER = 6,   /* the route that a framework behind the server found, in
			  * parts with a zero byte between them; an empty last one:
			  * the path goes on */
	TEXT_DEBUG_ID = 7, /* jaeger-debug-id */
	CALL_TEXTS = 8,
};

#define CALL_TEXT_SIZE 1024

enum call_flag {
	CALL_TLS = 1 << 0,
	CALL_FAILED = 1 << 1,	/* the library returned an error */
	CALL_PANICKED = 1 << 2, /* the handler panicked */
	CALL_HIJACKED = 1 << 3, /* the handler took the connection over */
	CALL_REMOTE_CONTEXT = 1 << 4,
	CALL_RESET = 1 << 5,	      /* the connection was reset before the end */
	CALL_EXITED = 1 << 6,	      /* the process was gone before the end */
	CALL_UNKNOWN_METHOD = 1 << 7, /* there is nothing that handles it */
};

/* One request as a library's probes saw it, from the first hook to the last. */
struct call_event {
	struct event_header h; /* ktime: the end; ctx: the span; sock 0: not known */
	__u64 start;
	__s64 request_size;  /* bytes of body; -1: not known */
	__s64 response_size; /* the same */
	__u16 library;	     /* enum library */
	__u16 status;	     /* 0: none; of gRPC one more than its code */
	__u8 role;	     /* enum role */
	__u8 call_flags;     /* enum call_flag */
	__u8 major, minor;   /* of the protocol's version; 0: not known */
	__u16 text_len[CALL_TEXTS];
	__u16 text_at[CALL_TEXTS]; /* where each begins in text */
	__u32 text_used;	   /* bytes of text */
	__u16 database;		   /* enum database; of database/sql */
	__u8 told;		   /* the program's own SDK exports it */
	__u8 reserved[5];
	__u8 text[CALL_TEXT_SIZE] WORDS;
};

/* What a program's statements go to, as far as its drivers tell. Numbers are never
 * used twice. */
enum database {
	DATABASE_OTHER_SQL = 0, /* not known, or several */
	DATABASE_POSTGRESQL = 1,
	DATABASE_MYSQL = 2,
	DATABASE_SQLITE = 3,
	DATABASE_MICROSOFT_SQL_SERVER = 4,
	DATABASE_ORACLE_DB = 5,
	DATABASE_CLICKHOUSE = 6,
	DATABASE_FIREBIRDSQL = 7,
	DATABASE_SAP_HANA = 8,
	DATABASE_TRINO = 9,
	DATABASE_GCP_SPANNER = 10,
	DATABASE_IBM_DB2 = 11,
};

/* Who reports a call. Numbers are never used twice. */
enum library {
	LIBRARY_GO_HTTP_SERVER = 1,
	LIBRARY_GO_HTTP_CLIENT = 2,
	LIBRARY_GO_GRPC_SERVER = 3,
	LIBRARY_GO_GRPC_CLIENT = 4,
	LIBRARY_GO_SQL = 5,
};

/* Value of `targets`, keyed by tgid. Inserted by the agent and, for children,
 * by the fork hook; deleted by the exit hook and the agent. */
struct target {
	__s32 g_tls_offset; /* of g from the thread pointer; 0: not a Go program */
	__u32 goid_offset;  /* of goid in struct g */
	__u32 program;	    /* index in `go_programs`; 0: none */
	__u32 settled;	    /* 0: not known yet whether it has goroutines */
	__u32 service;	    /* index in `service_roots`; 0: of those that have none */
	__u32 no_inject;    /* its sockets must not be in a sockmap */
	__u32 next_known;   /* those of the program that it executes next may be */
	__u32 reserved;
};

#define SERVICES 1024 /* entries of `service_roots` */

/* Fields of Go's own types that the programs read: indices of go_program.field,
 * which holds each one's offset in bytes. */
enum go_field {
	GO_G_GOID = 0,
	GO_G_PANIC = 1,
	GO_REQUEST_METHOD = 2,
	GO_REQUEST_URL = 3,
	GO_REQUEST_PROTO_MAJOR = 4,
	GO_REQUEST_PROTO_MINOR = 5,
	GO_REQUEST_HEADER = 6,
	GO_REQUEST_CONTENT_LENGTH = 7,
	GO_REQUEST_HOST = 8,
	GO_REQUEST_REMOTE_ADDR = 9,
	GO_REQUEST_TLS = 10,
	GO_REQUEST_CTX = 11,
	GO_REQUEST_PATTERN = 12,
	GO_URL_SCHEME = 13,
	GO_URL_HOST = 14,
	GO_URL_PATH = 15,
	GO_RESPONSE_CONN = 16, /* of type response, a server's */
	GO_RESPONSE_STATUS = 17,
	GO_RESPONSE_WRITTEN = 18,
	GO_CONN_RWC = 19,
	GO_H2_WRITER_STATE = 20, /* http2responseWriter.rws */
	GO_H2_STATE_STATUS = 21,
	GO_H2_STATE_WRITTEN = 22,
	GO_TCP_CONN_FD = 23, /* net.conn.fd */
	GO_NET_FD_FAMILY = 24,
	GO_NET_FD_SOTYPE = 25,
	GO_POLL_FD_SYSFD = 26, /* in net.netFD */
	GO_POLL_FD_IS_STREAM = 27,
	GO_PERSIST_CONN_ALT = 28,
	GO_PERSIST_CONN_CONN = 29,
	GO_PERSIST_CONN_TLS_STATE = 30,
	GO_CLIENT_RESPONSE_STATUS = 31, /* of type Response */
	GO_CLIENT_RESPONSE_PROTO_MAJOR = 32,
	GO_CLIENT_RESPONSE_PROTO_MINOR = 33,
	GO_CLIENT_RESPONSE_CONTENT_LENGTH = 34,
	GO_MAP_DIR_PTR = 35, /* of a swiss map, Go 1.24 */
	GO_MAP_DIR_LEN = 36,
	GO_TABLE_GROUPS = 37,
	GO_HMAP_B = 38, /* of a map with buckets, until Go 1.23 */
	GO_HMAP_BUCKETS = 39,
	GO_TLS_CONN_CONN = 40,	   /* crypto/tls.Conn.conn */
	GO_TRANSPORT_REQUEST = 41, /* transportRequest.Request */
	GO_H2_CLIENT_CONN = 42,	   /* http2ClientConn.tconn */
	GO_GRPC_STREAM_CTX = 43,
	GO_GRPC_STREAM_METHOD = 44,
	GO_GRPC_SERVER_CONN = 45, /* http2Server.conn */
	GO_GRPC_STATUS = 46,	  /* internal/status.Status.s */
	GO_GRPC_STATUS_CODE = 47,
	GO_GRPC_CLIENT_STREAM_HDR = 48,
	GO_GRPC_CLIENT_STREAM_CTX = 49,
	GO_GRPC_CLIENT_STREAM_CC = 50,
	GO_GRPC_CALL_METHOD = 51,
	GO_GRPC_CONN_TARGET = 52,
	GO_SQL_STMT_QUERY = 53,
	GO_GRPC_SERVER_STREAM_ST = 54, /* transport.ServerStream.st */
	GO_PERSIST_CONN_BW = 55,
	GO_BUFIO_BUF = 56,
	GO_BUFIO_N = 57,
	/* Of what HTTP/2's client has for a request and a response: types of its
	 * own since Go 1.27. */
	GO_H2_REQUEST_CTX = 58,
	GO_H2_REQUEST_METHOD = 59,
	GO_H2_REQUEST_URL = 60,
	GO_H2_REQUEST_HEADER = 61,
	GO_H2_REQUEST_CONTENT_LENGTH = 62,
	GO_H2_RESPONSE_STATUS = 63,
	GO_H2_RESPONSE_CONTENT_LENGTH = 64,
	GO_H2_STREAM_CC = 65,	   /* http2clientStream.cc */
	GO_H2_CLIENT_BW = 66,	   /* http2ClientConn.bw */
	GO_GRPC_LOOPY_FRAMER = 67, /* loopyWriter.framer */
	GO_GRPC_FRAMER_WRITER = 68,
	GO_GRPC_WRITER_BUF = 69,    /* bufWriter.buf */
	GO_GRPC_WRITER_HANDLE = 70, /* bufWriter.bufHandle, which points to it */
	GO_GRPC_WRITER_OFFSET = 71,
	GO_GIN_FULL_PATH = 72,	  /* gin.Context.fullPath */
	GO_ECHO_PATH = 73,	  /* echo.context.path */
	GO_CHI_PATTERNS = 74,	  /* chi.Context.RoutePatterns */
	GO_MUX_PATH = 75,	  /* mux.Route.regexp.path */
	GO_MUX_TEMPLATE = 76,	  /* mux.routeRegexp.template */
	GO_MUX_TYPE = 77,	  /* mux.routeRegexp.regexpType */
	GO_SDK_SPAN_CONTEXT = 78, /* of otel/sdk/trace.recordingSpan */
	GO_SDK_SPAN_PARENT = 79,
	GO_SDK_SPAN_KIND = 80,
	GO_SDK_SPAN_END = 81,
	GO_GRPC_CLIENT_STREAM_ATTEMPT = 82,
	GO_GRPC_ATTEMPT_CTX = 83,
	GO_SDK_SPAN_TRACER = 84,
	GO_SDK_TRACER_PROVIDER = 85,
	GO_SDK_PROVIDER_PROCESSORS = 86,
	GO_FIELDS = 87,
};

enum go_offset {
	GO_ABSENT = 0xffff, /* this program has no such field */
};

/* Key of `go_contexts`: the context.Context of an open request, by the address of
 * what it holds. The value is the request's span. */
struct go_context_key {
	__u64 context;
	__u32 tgid;
	__u32 reserved;
};

#define GO_PROGRAMS 256 /* entries of `go_programs` */

/* Value of `go_programs`: one Go executable. Written by the agent. */
struct go_program {
	__u16 field[GO_FIELDS];
	/* Where (*Transport).roundTrip keeps its request across getConn, from
	 * the stack pointer. */
	__u32 transport_request;
	/* Where (*Request).write keeps what its io.Writer holds across
	 * (*transferWriter).writeHeader, likewise. */
	__u32 request_writer;
	__u32 database; /* enum database: what its only driver is for */
};

/* Key of `tasks`: what runs a request. */
struct task_key {
	__u64 id; /* goroutine id, or tid */
	__u32 tgid;
	__u32 is_goroutine;
};

/* Value of `tasks`, inserted when a task takes up a request, deleted when its
 * thread exits or when others need the room. */
struct task {
	struct trace_context ctx; /* SERVER span being served */
	__u64 sock;		  /* connection the request came on */
	__u64 gen;
	__u32 open;	  /* requests taken up and not yet answered */
	__u32 overlapped; /* more than one was open: no parent until none is */
};

/* Where an exchange on a connection stands. */
enum exchange_state {
	EXCHANGE_NONE = 0,     /* between exchanges, or not yet known */
	EXCHANGE_REQUEST = 1,  /* in the request's head */
	EXCHANGE_OPEN = 2,     /* request's head done, no final response yet */
	EXCHANGE_RESPONSE = 3, /* in the response's head */
	EXCHANGE_BODY = 4,     /* response's head done, body not yet */
};

/* States of the head scanner (http.h) that have a name; the agent numbers the
 * others. */
enum scan_state {
	SCAN_REJECTED = 0, /* not HTTP */
	SCAN_END = 1,	   /* behind the empty line */
	SCAN_IDLE = 2,	   /* no head is being read */
	SCAN_REQUEST = 3,  /* before a request line */
	SCAN_RESPONSE = 4, /* before a status line */
	SCAN_SKIP = 5,	   /* in a line of which only the end matters */
};

/* What a byte does beside leading to the next state. Each stays set in scan_flags. */
enum scan_flag {
	SCAN_VALUE = 1 << 0,	  /* the byte is gathered: it belongs to a field's value */
	SCAN_LENGTH = 1 << 1,	  /* a digit of Content-Length */
	SCAN_STATUS = 1 << 2,	  /* a digit of the status code */
	SCAN_RECOGNISED = 1 << 3, /* the first line is whole and in order */
	SCAN_CHUNKED = 1 << 4,
	SCAN_HEAD = 1 << 5,    /* method HEAD */
	SCAN_CONNECT = 1 << 6, /* method CONNECT */
	SCAN_FIELD = 1 << 7,   /* behind it the value of a gathered field begins */
};

/* Header fields that carry trace context, as the agent's names for them are in
 * internal/propagation. Numbers are never used twice. */
enum context_field {
	FIELD_NONE = 0,
	FIELD_TRACEPARENT = 1,
	FIELD_TRACESTATE = 2,
	FIELD_BAGGAGE = 3,
	FIELD_B3 = 4,
	FIELD_B3_TRACE_ID = 5,
	FIELD_B3_SPAN_ID = 6,
	FIELD_B3_SAMPLED = 7,
	FIELD_B3_FLAGS = 8,
	FIELD_UBER_TRACE_ID = 9,
	FIELD_JAEGER_DEBUG_ID = 10,
	FIELD_AMZN_TRACE_ID = 11,
	FIELD_DATADOG_TRACE_ID = 12,
	FIELD_DATADOG_PARENT_ID = 13,
	FIELD_DATADOG_PRIORITY = 14,
	FIELD_DATADOG_TAGS = 15,
	CONTEXT_FIELDS = 16,
	FIELD_SPOILT = 31, /* a byte that spoils the value before it */
};

/* Formats of trace context, by what OTEL_PROPAGATORS calls them. Numbers are never
 * used twice. */
enum context_format {
	FORMAT_NONE = 0,
	FORMAT_TRACECONTEXT = 1,
	FORMAT_BAGGAGE = 2,
	FORMAT_B3 = 3,
	FORMAT_B3MULTI = 4,
	FORMAT_JAEGER = 5,
	FORMAT_XRAY = 6,
	FORMAT_DATADOG = 7,
	CONTEXT_FORMATS = 8,
};

/* A header field's name as a Go program's map has it; len 0: not looked for. */
struct header_name {
	__u64 len;
	__u64 word[4]; /* the name, with zeros behind it */
};

enum patch_kind {
	PATCH_HEX = 1,	   /* bytes of the context in hexadecimal digits */
	PATCH_SAMPLED = 2, /* 1 or 0 */
	PATCH_DECIMAL = 3, /* eight bytes of the context as a number of 20 columns */
	PATCH_HIGH = 4,	   /* the upper half of the trace id behind a name of ten bytes;
			    * all of it blank if that is zero */
};

/* A place in a header_block that says something of the context. */
struct block_patch {
	__u16 at;   /* in the text */
	__u8 kind;  /* enum patch_kind */
	__u8 from;  /* in struct trace_context */
	__u8 bytes; /* of it */
	__u8 reserved;
};

#define BLOCK_PATCHES 32
#define BLOCK_TEMPLATE 768

/* The header lines that a request gets, but for its lists. */
struct header_block {
	__u32 len;     /* bytes of text */
	__u32 patches; /* used ones */
	struct block_patch patch[BLOCK_PATCHES];
	__u8 text[BLOCK_TEMPLATE] WORDS;
};

/* One direction of a connection. */
struct half {
	__u64 bytes;
	__u64 last;	     /* time of the last call */
	__u64 body_left;     /* declared body bytes still to come */
	__u32 seq;	     /* TCP sequence after the last call */
	__u32 turn_events;   /* events sent for the current turn */
	__u32 turn_captured; /* bytes captured in the current turn */
	__u16 scan;	     /* state of the head scanner */
	__u8 scan_flags;     /* enum scan_flag */
	__u8 tail_len;
	__u8 tail[TAIL_SIZE] WORDS;
	__u64 scan_length; /* Content-Length as gathered */
	__u32 scanned;	   /* bytes of the head looked at so far */
	__u32 status;	   /* of the response's head as gathered */
};

/* Value of `conns`, keyed by the address of the struct sock. Inserted by the
 * first hook that sees the socket of a target, deleted by the destroy hook and
 * the agent's sweep. */
struct conn {
	__u64 gen;
	__u64 inode;		  /* of the socket, tells a reused Unix sock apart */
	__u64 request_ktime;	  /* when the agent's earliest hook saw the request */
	struct half half[2];	  /* by enum direction */
	struct task_key owner;	  /* the task that took up the open request */
	struct trace_context ctx; /* span of the current exchange */
	__u32 tgid;
	__u32 injected; /* bytes the agent added to what the target sent */
	__u16 family;
	__u16 flags;	/* enum conn_flag */
	__u8 role;	/* enum role */
	__u8 exchange;	/* enum exchange_state */
	__u8 direction; /* of the last call; 0xff: none yet */
	__u8 unknown_turns;
	/* Bytes of their own, since each is written by one side alone while the
	 * flags are read and written back by two. */
	__u8 no_inject;	   /* nothing is ever added to it again */
	__u8 sending;	   /* sk_msg has looked at the send under way */
	__u8 left;	   /* EVENT_LEAVE was sent */
	__u8 no_sockmap;   /* not to be put into the sockmap */
	__u8 join_welcome; /* its joins say that the target needs no headers */
	__u8 report;	   /* enum report_state */
	/* REPORT_TOLD: the agent knows of something that has not ended;
	 * REPORT_LEFT_OUT: the last exchange is not counted yet. */
	__u8 report_open;
	__u8 gathered;	      /* `gathered` has fields of the head being read */
	__u8 caller[8] WORDS; /* with CONN_PREPARED: who called the request that
				 * caused this one, as its header would say */
	__u32 turn_seq;	      /* TCP sequence of the first byte of what is received */
	__u32 reserved_end;
};

/* What the agent is told of a connection (report.h). */
enum report_state {
	REPORT_TOLD = 0,     /* it was told of the last exchange */
	REPORT_LEFT_OUT = 1, /* the last exchange is out of the sample */
	REPORT_ALL = 2,	     /* of all exchanges: it takes them apart itself */
	REPORT_NOTHING = 3,  /* of none any more: they cannot be told apart */
};

enum conn_flag {
	CONN_IGNORED = 1 << 0,	      /* not HTTP: left alone */
	CONN_FROM_START = 1 << 1,     /* seen from its first byte */
	CONN_ACTIVE = 1 << 2,	      /* the target connected */
	CONN_CLOSED = 1 << 3,	      /* the close event was sent */
	CONN_UPGRADED = 1 << 5,	      /* 101 or a CONNECT tunnel */
	CONN_REMOTE_CONTEXT = 1 << 6, /* ctx came from the request's own head */
	CONN_OVERLAPPED = 1 << 7,
	CONN_INJECTED = 1 << 8,	    /* the open request got our header */
	CONN_HEAD_REQUEST = 1 << 9, /* the open request's method is HEAD */
	CONN_JUDGED = 1 << 10,	    /* sk_msg gave the open request its context */
	CONN_CLAIMED = 1 << 11,	    /* a library's probes report its exchanges */
	CONN_TAKEN = 1 << 12,	    /* owner has taken up the open request */
	CONN_PREPARED = 1 << 13,    /* ctx is the span of the request that comes next */
	CONN_HTTP2 = 1 << 14,	    /* the target sent HTTP/2's preface: http2.h */
};

/* Every way to lose something, counted per CPU in `counters`. */
enum drop_reason {
	DROP_RING_FULL = 0,
	DROP_CONNS_FULL = 1,
	DROP_TASKS_FULL = 2,
	DROP_TARGETS_FULL = 3,
	DROP_BUFFER_UNREADABLE = 4,
	DROP_SYSCALL_UNKNOWN = 5,    /* bytes moved by a call whose buffer is unknown */
	DROP_HEAD_TOO_LONG = 6,	     /* trace context may stand beyond the limit */
	DROP_INJECT_SPLIT_HEAD = 7,  /* not injected: head not whole in one send */
	DROP_INJECT_NO_ROOM = 8,     /* not injected: push refused */
	DROP_EVENT_LOOP = 9,	     /* no parent: the thread serves several */
	DROP_CONTEXT_AMBIGUOUS = 10, /* no parent: header forwarded twice */
	DROP_INJECT_BUSY = 11,	     /* not injected: another send on the CPU */
	DROP_INJECT_UNCERTAIN = 12,  /* never again injected: its requests' ends are
				     * not known for certain */
	DROP_CALLS_FULL = 13,
	DROP_CALL_UNREADABLE = 14,    /* a library's memory is not as expected */
	DROP_ROUTE_LATE = 15,	      /* no route: its framework had gone on already */
	DROP_UNSAMPLED_PIPELINE = 16, /* not reported: behind a request out of the sample */
	DROP_JOIN_AMBIGUOUS = 17,     /* not joined: what was sent before need not be this */
	DROP_TCP_OPTION_NO_ROOM = 18, /* not carried: no room in the request's segment */
	DROP_TCP_OPTION_INVALID = 19, /* a peer's: it holds no valid ids */
	DROP_CONTEXT_CONFLICT = 20,   /* formats named different traces: the first counts */
	DROP_CONTEXT_CUT = 21,	      /* fields of trace context not gathered whole */
	DROP_LIST_TOO_LONG = 22,      /* tracestate or baggage not carried on */
	DROP_REASONS = 23,
};

/* Agent's own counters that are no losses, per CPU in `counters`. */
enum count_kind {
	COUNT_EVENTS = 0,	    /* records put into the ring */
	COUNT_UNCAPTURED_BYTES = 1, /* counted, not copied, by design */
	COUNT_SENDFILE = 2,	    /* calls that moved bytes without a user buffer */
	COUNT_INJECTED = 3,	    /* headers put on the wire */
	COUNT_TOLD_BY_SDK = 4,	    /* calls that the program's own SDK exports */
	COUNT_SAMPLED_OUT = 5,	    /* requests out of the sample, not reported */
	COUNT_JOINED = 6,	    /* requests that found who sent them by TCP's numbers */
	/* Joins that left for another host, and that came from one. */
	COUNT_TCP_OPTION_WRITTEN = 7,
	COUNT_TCP_OPTION_READ = 8,
	COUNT_KINDS = 9,
};

/* The variable `counters` of every object. */
#define COUNTER_CPUS 256 /* a power of two; beyond it CPUs share a line */
#define COUNTER_LINE 32

struct counter_line {
	__u64 drops[COUNTER_LINE];  /* by enum drop_reason */
	__u64 counts[COUNTER_LINE]; /* by enum count_kind */
};

struct counters {
	struct counter_line cpu[COUNTER_CPUS];
};

#endif
