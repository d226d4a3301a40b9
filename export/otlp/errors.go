package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The reasons that an Error gives.
const (
	// Unavailable: the collector could not be reached, or said that it is overloaded.
	Unavailable = "export_unavailable"
	// Timeout: no answer came in the time set.
	Timeout = "export_timeout"
	// Refused: the collector does not want the request: wrong path, credentials, protocol or size.
	Refused = "export_refused"
	// Rejected: the collector took the request and threw away some of its spans.
	Rejected = "export_rejected"
	// Failed: none of the above.
	Failed = "export_failed"
)

// Error is why a batch was not delivered, or not all of it.
type Error struct {
	reason string
	lost   int // -1: the whole batch
	again  bool
	pause  time.Duration
	err    error
}

// Error is the SDK's message.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap is the SDK's error.
func (e *Error) Unwrap() error { return e.err }

// Reason is one of this package's constants.
func (e *Error) Reason() string { return e.reason }

// Lost is how many spans of the batch were not accepted.
func (e *Error) Lost(batch int) int {
	if e.lost < 0 {
		return batch
	}
	return e.lost
}

// RetryAfter is ok if OTLP allows to send the same batch again, with the pause that the collector asked for, or 0.
func (e *Error) RetryAfter() (pause time.Duration, ok bool) { return e.pause, e.again }

// rejectedCount is the end of the SDK's message about a partial success; its error type is internal.
var rejectedCount = regexp.MustCompile(`OTLP partial success: (?s:.*)\((-?\d+) spans rejected\)`)

// describe makes an Error of the SDK's; said is the answer over HTTP, nil if none came or the request was one of gRPC.
func describe(err error, said *answer) *Error {
	e := &Error{lost: -1, err: err}
	var carrier interface{ GRPCStatus() *status.Status }
	if match := rejectedCount.FindStringSubmatch(err.Error()); match != nil {
		lost, parseErr := strconv.Atoi(match[1])
		if parseErr != nil {
			lost = -1
		}
		e.reason, e.lost = Rejected, max(lost, 0)
		return e
	}
	switch {
	case errors.As(err, &carrier):
		e.ofGRPC(carrier.GRPCStatus())
	case said != nil:
		e.ofHTTP(said)
	default:
		e.ofTransport()
	}
	return e
}

// ofGRPC goes by the table of retryable codes in OTLP's specification ("OTLP/gRPC response").
func (e *Error) ofGRPC(s *status.Status) {
	pause, asked := time.Duration(0), false
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			pause, asked = min(max(info.GetRetryDelay().AsDuration(), 0), longestPause), true
		}
	}
	switch s.Code() {
	case codes.Unavailable, codes.Aborted:
		e.reason, e.again = Unavailable, true
	case codes.ResourceExhausted:
		e.reason, e.again = Unavailable, asked
	case codes.DeadlineExceeded:
		e.reason, e.again = Timeout, true
	case codes.Canceled, codes.OutOfRange, codes.DataLoss:
		e.reason, e.again = Failed, true
	case codes.OK, codes.Unknown:
		e.reason = Failed
	default:
		e.reason = Refused
	}
	if e.again {
		e.pause = pause
	}
}

// ofHTTP goes by "Retryable Response Codes" there. An answer that is a success came with a body that cannot be read.
func (e *Error) ofHTTP(said *answer) {
	switch said.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.reason, e.again, e.pause = Unavailable, true, said.pause
	default:
		e.reason = Refused
		if said.status/100 == 2 {
			e.reason = Failed
		}
	}
}

// ofTransport is about a request that got no answer: it may be sent again, unless it is too large or nobody can be
// trusted to answer.
func (e *Error) ofTransport() {
	var timeout interface{ Timeout() bool }
	var network *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(e.err, context.DeadlineExceeded), errors.Is(e.err, os.ErrDeadlineExceeded),
		errors.As(e.err, &timeout) && timeout.Timeout(), strings.Contains(e.err.Error(), "export timeout"):
		e.reason, e.again = Timeout, true
	case errors.As(e.err, &untrusted), strings.Contains(e.err.Error(), "too large"):
		e.reason = Refused
	case errors.As(e.err, &network), errors.Is(e.err, io.EOF), errors.Is(e.err, io.ErrUnexpectedEOF):
		e.reason, e.again = Unavailable, true
	case errors.Is(e.err, context.Canceled):
		e.reason, e.again = Failed, true
	default:
		e.reason = Failed
	}
}
