package otlp

import (
	"context"
	"errors"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The reasons that an Error gives.
const (
	// Unavailable: the collector could not be reached, or said that it is overloaded until the retries were used up.
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

// rejectedCount is the end of the SDK's message about a partial success; its error type is internal.
var rejectedCount = regexp.MustCompile(`OTLP partial success: (?s:.*)\((-?\d+) spans rejected\)`)

func describe(err error) *Error {
	if match := rejectedCount.FindStringSubmatch(err.Error()); match != nil {
		lost, parseErr := strconv.Atoi(match[1])
		if parseErr != nil {
			lost = -1
		}
		return &Error{reason: Rejected, lost: max(lost, 0), err: err}
	}
	return &Error{reason: reason(err), lost: -1, err: err}
}

func reason(err error) string {
	var timeout interface{ Timeout() bool }
	var network *net.OpError
	switch grpcCode(err) {
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted:
		return Unavailable
	case codes.DeadlineExceeded:
		return Timeout
	case codes.OK, codes.Unknown, codes.Canceled: // not known from gRPC
	default:
		return Refused
	}
	message := err.Error()
	switch {
	case strings.Contains(message, "retry-able request failure: body:"): // HTTP 429, 502, 503, 504
		return Unavailable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout(), strings.Contains(message, "export timeout"):
		return Timeout
	case errors.As(err, &network):
		return Unavailable
	case strings.Contains(message, "failed to send to"), strings.Contains(message, "too large"):
		return Refused
	}
	return Failed
}

// grpcCode is the status that the collector or the connection to it gave, or OK if the error holds none.
func grpcCode(err error) codes.Code {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		return carrier.GRPCStatus().Code()
	}
	return codes.OK
}

// neverSent is true when no connection came about, so that trying again cannot deliver twice. The SDK's HTTP exporter
// gives up at once then, its gRPC exporter after the time limit of one request, and a collector that restarts would
// cost a batch.
func neverSent(err error) bool {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Op == "dial"
	}
	return grpcCode(err) == codes.Unavailable && strings.Contains(err.Error(), "Error while dialing")
}
