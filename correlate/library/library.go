// Package library says what turns the calls of a library, each a whole request as
// the probes on it saw it, into exchanges. Each folder below is one family of
// libraries.
package library

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/probes/event"
)

// Decoder makes exchanges of the calls of one library. It is used by one
// goroutine.
type Decoder interface {
	// Exchange makes an exchange of a call event, which is valid until it
	// returns. conn is nil if the call's connection is not known. The caller
	// owns the result.
	Exchange(ev *event.Event, conn *flow.Conn) *flow.Exchange
}

// Begin gives x what the record of every call says: whose it is, which span, and
// when it was.
func Begin(x *flow.Exchange, ev *event.Event, conn *flow.Conn) {
	const kept = abi.FlagRemoteContext | abi.FlagOverlapped | abi.FlagInjected
	h := &ev.Header
	x.Conn, x.Tgid, x.Context = conn, h.Tgid, h.Ctx
	x.Flags = abi.EventFlag(h.Flags) & kept
	if abi.CallFlag(ev.Call.CallFlags)&abi.CallRemoteContext != 0 {
		x.Flags |= abi.FlagRemoteContext
	}
	x.Tracestate = string(ev.CallText(abi.TextTracestate))
	x.DebugID = string(ev.CallText(abi.TextDebugId))
	x.Start, x.End = ev.Call.Start, max(ev.Call.Start, h.Ktime)
	if x.Start == 0 {
		x.Start = x.End
	}
}
