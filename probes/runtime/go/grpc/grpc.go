// Package grpc declares the probes of gRPC-Go, the server's and the client's.
package grpc

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const (
	root      = "google.golang.org/grpc"
	transport = root + "/internal/transport"
)

// Server is two hits a call, be it unary or a stream: where the call's goroutine
// begins to handle it, and where it writes the status, the name of which changed in v1.69.
// Versions that treat unary calls apart may write none, which a third hit of those
// tells. What comes by way of net/http is that library's, and writes its status elsewhere.
func Server() library.Library {
	return library.Library{
		Name:   "gRPC server",
		Object: "go_grpc_server",
		Probes: []library.Probe{
			{Program: "go_grpc_handle", Function: root + ".(*Server).handleStream"},
			{Program: "go_grpc_status", Function: transport + ".(*http2Server).writeStatus", Optional: true},
			{Program: "go_grpc_status", Function: transport + ".(*http2Server).WriteStatus", Optional: true},
			{Program: "go_grpc_status", Function: transport + ".(*serverHandlerTransport).writeStatus", Optional: true},
			{Program: "go_grpc_status", Function: transport + ".(*serverHandlerTransport).WriteStatus", Optional: true},
			{Program: "go_grpc_unsent", Function: root + ".(*Server).processUnaryRPC", Behind: root + ".(*Server).sendResponse", Optional: true},
		},
		Fields: slices.Concat(library.Runtime(), library.Socket(), library.Map(), status(), []library.Field{
			field(abi.GoGrpcServerStreamSt, transport+".ServerStream", "st").OrAbsent(), // since v1.69
			field(abi.GoGrpcStreamCtx, transport+".Stream", "ctx"),
			field(abi.GoGrpcStreamMethod, transport+".Stream", "method"),
			field(abi.GoGrpcServerConn, transport+".http2Server", "conn"),
		}),
	}
}

// Client is two hits a call that succeeds, and a third for one that fails or has a
// stream: its first attempt, the decision not to try again, and its end.
func Client() library.Library {
	return library.Library{
		Name:   "gRPC client",
		Object: "go_grpc_client",
		Probes: []library.Probe{
			{Program: "go_grpc_attempt", Function: root + ".(*clientStream).newAttemptLocked"},
			{Program: "go_grpc_given_up", Function: root + ".(*clientStream).withRetry", Behind: root + ".(*clientStream).retryLocked"},
			{Program: "go_grpc_finish", Function: root + ".(*clientStream).finish"},
		},
		Fields: slices.Concat(library.Runtime(), status(), []library.Field{
			field(abi.GoGrpcClientStreamHdr, root+".clientStream", "callHdr"),
			field(abi.GoGrpcClientStreamCtx, root+".clientStream", "ctx"),
			field(abi.GoGrpcClientStreamCc, root+".clientStream", "cc"),
			field(abi.GoGrpcClientStreamAttempt, root+".clientStream", "attempt").OrAbsent(), // with the SDK only
			field(abi.GoGrpcAttemptCtx, root+".csAttempt", "ctx").OrAbsent(),
			field(abi.GoGrpcCallMethod, transport+".CallHdr", "Method"),
			field(abi.GoGrpcConnTarget, root+".ClientConn", "target"),
		}),
	}
}

// Context writes a traceparent header into calls: three hits, in the goroutine that
// makes the call, in the one that writes all of a connection, and where that makes the
// HEADERS frame. The last two are hit by a server's frames too.
func Context() library.Library {
	return library.Library{
		Name:   "gRPC header",
		Object: "go_write",
		Writes: true,
		Arch:   "amd64", // the frame's parameters are on the stack
		Probes: []library.Probe{
			{Program: "go_write_grpc_fields", Function: transport + ".(*http2Client).NewStream", Behind: transport + ".(*http2Client).createHeaderFields"},
			{Program: "go_write_grpc", Function: transport + ".(*loopyWriter).writeHeader"},
			{Program: "go_write_frame", Function: "golang.org/x/net/http2.(*Framer).WriteHeaders"},
		},
		Fields: append(library.Runtime(),
			field(abi.GoGrpcLoopyFramer, transport+".loopyWriter", "framer"),
			field(abi.GoGrpcFramerWriter, transport+".framer", "writer"),
			field(abi.GoGrpcWriterBuf, transport+".bufWriter", "buf").OrAbsent(),
			field(abi.GoGrpcWriterHandle, transport+".bufWriter", "bufHandle").OrAbsent(),
			field(abi.GoGrpcWriterOffset, transport+".bufWriter", "offset"),
		),
	}
}

// status are the fields from a Status to its code, which both sides read.
func status() []library.Field {
	const protocol = "google.golang.org/genproto/googleapis/rpc"
	return []library.Field{
		field(abi.GoGrpcStatus, root+"/internal/status.Status", "s"),
		{Number: abi.GoGrpcStatusCode, Module: protocol, Paths: [][]gobin.Field{{{Type: protocol + "/status.Status", Name: "Code"}}}},
	}
}

func field(number abi.GoField, typ, name string) library.Field {
	return library.Field{Number: number, Module: root, Paths: [][]gobin.Field{{{Type: typ, Name: name}}}}
}
