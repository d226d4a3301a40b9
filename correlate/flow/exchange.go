package flow

import (
	"net/netip"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
)

// Conn says what is known of a connection. A Conn is never changed once an
// exchange refers to it, so it may be kept and read from any goroutine.
type Conn struct {
	Sock uint64 // address of the kernel's struct sock, an opaque number
	Gen  uint64 // opening generation; (Sock, Gen) names the connection
	Tgid uint32 // process that opened it, in the initial pid namespace

	Role abi.Role // unknown until the first request was seen

	// Family is AF_INET, AF_INET6 or AF_UNIX; 0 when the kernel's
	// description of the connection was lost.
	Family uint16
	Netns  uint32         // inode of the network namespace
	Local  netip.AddrPort // IPv4 in IPv6 is unmapped; zero for Unix sockets
	Remote netip.AddrPort
	Path   string // name of the listening Unix socket; "@" begins an abstract one

	Active    bool // the process connected; false: accepted, or open before
	FromStart bool // seen from its first byte
}

// Exchange is one request and its response on a connection, in the words of
// OpenTelemetry's semantic conventions. Times are CLOCK_MONOTONIC nanoseconds.
// The receiver owns it.
type Exchange struct {
	Conn *Conn  // nil if a library reported it on a connection that is not known
	Tgid uint32 // process that moved the request's first byte

	// Context is what the kernel minted for this exchange. All zero if it
	// made none, as for the second of two requests in one read.
	Context abi.TraceContext
	// Flags are FlagRemoteContext, FlagOverlapped and FlagInjected of the
	// events that brought the request's head.
	Flags abi.EventFlag
	// Remote is what the request's own headers say, if the kernel made no
	// Context; nil: nothing. Tracestate is W3C's header as text, if it is that
	// format whose context counts. They are propagation, not telemetry: never
	// export them as attributes.
	Remote     *propagation.Remote
	Tracestate string
	// DebugID is jaeger-debug-id as it came, by which its sender wants to find
	// the span.
	DebugID string

	Name        string
	Kind        trace.SpanKind
	Start       uint64 // the request's first byte
	End         uint64 // the response's last byte; never before Start
	Status      codes.Code
	Description string // of Status; empty unless it is codes.Error
	Attributes  []attribute.KeyValue
}
