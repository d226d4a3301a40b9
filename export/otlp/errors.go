package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/throughline/throughline/export/internal/failure"
)

// rejectedCount is the end of the SDK's message about a partial success; its error type is internal.
var rejectedCount = regexp.MustCompile(`OTLP partial success: (?s:.*)\((-?\d+) spans rejected\)`)

// describe says what the SDK's error means; said is the answer over HTTP, nil if none came or the request was one of gRPC.
func describe(err error, said *answer) *failure.Error {
	if match := rejectedCount.FindStringSubmatch(err.Error()); match != nil {
		lost, parseErr := strconv.Atoi(match[1])
		if parseErr != nil {
			lost = 0
		}
		return failure.New(failure.Rejected, max(lost, 0), err)
	}
	var carrier interface{ GRPCStatus() *status.Status }
	switch {
	case errors.As(err, &carrier):
		return ofGRPC(err, carrier.GRPCStatus())
	case said == nil:
		return ofTransport(err)
	case said.status/100 == 2: // with a body that cannot be read
		return failure.New(failure.Failed, failure.All, err)
	}
	return failure.OfStatus(said.status, said.pause, err)
}

// ofGRPC goes by the table of retryable codes in OTLP's specification ("OTLP/gRPC response").
func ofGRPC(err error, s *status.Status) *failure.Error {
	pause, asked := time.Duration(0), false
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			pause, asked = min(max(info.GetRetryDelay().AsDuration(), 0), failure.MaxPause), true
		}
	}
	switch s.Code() {
	case codes.Unavailable, codes.Aborted:
		return failure.Retryable(failure.Unavailable, pause, err)
	case codes.ResourceExhausted:
		if asked {
			return failure.Retryable(failure.Unavailable, pause, err)
		}
		return failure.New(failure.Unavailable, failure.All, err)
	case codes.DeadlineExceeded:
		return failure.Retryable(failure.Timeout, pause, err)
	case codes.Canceled, codes.OutOfRange, codes.DataLoss:
		return failure.Retryable(failure.Failed, pause, err)
	case codes.OK, codes.Unknown:
		return failure.New(failure.Failed, failure.All, err)
	}
	return failure.New(failure.Refused, failure.All, err)
}

// ofTransport is about a request that got no answer: it may be sent again, unless it is too large or nobody can be
// trusted to answer.
func ofTransport(err error) *failure.Error {
	var timeout interface{ Timeout() bool }
	var network *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout(), strings.Contains(err.Error(), "export timeout"):
		return failure.Retryable(failure.Timeout, 0, err)
	case errors.As(err, &untrusted), strings.Contains(err.Error(), "too large"):
		return failure.New(failure.Refused, failure.All, err)
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure.Retryable(failure.Unavailable, 0, err)
	case errors.Is(err, context.Canceled):
		return failure.Retryable(failure.Failed, 0, err)
	}
	return failure.New(failure.Failed, failure.All, err)
}
