// Package failure is the error of an exporter's one attempt to deliver a batch: why, how much, and whether the same
// batch may be sent again.
package failure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The reasons that an Error gives.
const (
	// Unavailable: the receiver could not be reached, or said that it has no time now.
	Unavailable = "export_unavailable"
	// Timeout: no answer came in the time set.
	Timeout = "export_timeout"
	// Refused: the receiver does not want the request: wrong path, credentials, form or size.
	Refused = "export_refused"
	// Rejected: the receiver took the request and not all of its spans, or a span does not fit into its form.
	Rejected = "export_rejected"
	// Failed: none of the above.
	Failed = "export_failed"
)

// All says that the whole batch is lost.
const All = -1

// Error is why a batch was not delivered, or not all of it.
type Error struct {
	reason string
	lost   int // All, or how many spans
	again  bool
	pause  time.Duration
	err    error
}

// New makes an error of a batch that must not be sent again.
func New(reason string, lost int, err error) *Error {
	return &Error{reason: reason, lost: lost, err: err}
}

// Retryable makes an error of a batch that may be sent again after a pause, 0 if the receiver asked for none.
func Retryable(reason string, pause time.Duration, err error) *Error {
	return &Error{reason: reason, lost: All, again: true, pause: pause, err: err}
}

// Of is what err says, of a batch of which so many spans did not arrive.
func Of(err error, lost int) *Error {
	var known *Error
	if !errors.As(err, &known) {
		return New(Failed, lost, err)
	}
	same := *known
	same.lost = lost
	return &same
}

// Error is the cause's message.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.err }

// Reason is one of this package's constants.
func (e *Error) Reason() string { return e.reason }

// Lost is how many spans of the batch did not arrive.
func (e *Error) Lost(batch int) int {
	if e.lost < 0 {
		return batch
	}
	return e.lost
}

// RetryAfter is ok if the same batch may be sent again, and the pause that the receiver asked for, 0 if it did not.
func (e *Error) RetryAfter() (pause time.Duration, ok bool) { return e.pause, e.again }

// shown is how much of an answer's body is put into a message, in bytes.
const shown = 200

// OfResponse is the error of an answer that is no success. Of those codes that OTLP/HTTP names as worth another try
// (opentelemetry.io/docs/specs/otlp, "Retryable Response Codes": 429, 502, 503, 504) the same is true of the other
// receivers, which have no rules of their own. body is the answer's, or its beginning.
func OfResponse(r *http.Response, body []byte) *Error {
	message := strings.ToValidUTF8(strings.Join(strings.Fields(string(body[:min(len(body), shown)])), " "), "?")
	return OfStatus(r.StatusCode, Asked(r.Header, time.Now()), fmt.Errorf("the receiver answered %s: %q", r.Status, message))
}

// OfStatus is the same of an answer of which the status is known, and the pause that it asks for.
func OfStatus(status int, pause time.Duration, err error) *Error {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Retryable(Unavailable, pause, err)
	}
	return New(Refused, All, err)
}

// MaxPause bounds what a receiver may ask for.
const MaxPause = time.Hour

// Asked is the pause of an answer's Retry-After (RFC 9110, section 10.2.3), which is seconds or a date; 0 if there is none.
func Asked(answer http.Header, now time.Time) time.Duration {
	header := answer.Get("Retry-After")
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil {
		return time.Duration(min(max(seconds, 0), int(MaxPause/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(date.Sub(now), 0), MaxPause)
	}
	return 0
}

// OfTransport is the error of a request that got no answer, or of a packet that could not be sent. It may be sent again
// (the same page, "If the server disconnects without returning a response, the client SHOULD retry"), whatever was wrong:
// a name or a certificate can be put right while the batch waits. Not so if the caller ended it, or a packet is too large.
func OfTransport(err error) *Error {
	e := &Error{reason: Failed, lost: All, err: err, again: true}
	var timeout interface{ Timeout() bool }
	var network *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		e.again = false
	case errors.Is(err, syscall.EMSGSIZE):
		e.reason, e.again = Rejected, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		e.reason = Timeout
	case errors.As(err, &network), isEnd(err):
		e.reason = Unavailable
	}
	return e
}

// OfFile is the error of a batch that could not be written to a file, nor in part. It may be written again: a disk that is
// full need not stay so.
func OfFile(err error) *Error { return Retryable(Unavailable, 0, err) }

// isEnd is true when the connection ended instead of an answer.
func isEnd(err error) bool {
	return strings.HasSuffix(err.Error(), "EOF") || strings.Contains(err.Error(), "server closed idle connection")
}
