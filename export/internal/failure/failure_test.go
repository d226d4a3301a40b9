package failure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestOfResponse(t *testing.T) {
	f := func(code int, retryAfter, reason string, again bool, pause time.Duration) {
		t.Helper()
		e := OfResponse(&http.Response{StatusCode: code, Status: http.StatusText(code),
			Header: http.Header{"Retry-After": {retryAfter}}}, []byte("a\nb\xff"))
		p, ok := e.RetryAfter()
		if e.Reason() != reason || ok != again || p != pause || e.Lost(7) != 7 {
			t.Errorf("%d: %s, again %v after %v, %d lost", code, e.Reason(), ok, p, e.Lost(7))
		}
	}
	f(400, "", Refused, false, 0)
	f(401, "5", Refused, false, 0)
	f(404, "", Refused, false, 0)
	f(413, "", Refused, false, 0)
	f(429, "3", Unavailable, true, 3*time.Second)
	f(500, "", Refused, false, 0)
	f(502, "", Unavailable, true, 0)
	f(503, "-1", Unavailable, true, 0)
	f(503, "99999999999", Unavailable, true, time.Hour)
	f(504, "soon", Unavailable, true, 0)
	f(302, "", Refused, false, 0)
}

func TestRetryAfterDate(t *testing.T) {
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"Sat, 14 Mar 2026 09:27:03 GMT": 10 * time.Second,
		"Sat, 14 Mar 2026 09:26:00 GMT": 0,
		"Sat, 14 Mar 2037 09:26:00 GMT": time.Hour,
	} {
		if got := Asked(http.Header{"Retry-After": {header}}, now); got != want {
			t.Errorf("%s: %v, want %v", header, got, want)
		}
	}
}

func TestOfTransport(t *testing.T) {
	f := func(err error, reason string, again bool) {
		t.Helper()
		e := OfTransport(fmt.Errorf("sending: %w", err))
		if _, ok := e.RetryAfter(); e.Reason() != reason || ok != again || !errors.Is(e, err) {
			t.Errorf("%v: %s, again %v", err, e.Reason(), ok)
		}
	}
	f(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, Unavailable, true)
	f(&net.DNSError{Err: "no such host"}, Failed, true)
	f(context.DeadlineExceeded, Timeout, true)
	f(os.ErrDeadlineExceeded, Timeout, true)
	f(context.Canceled, Failed, false)
	f(io.EOF, Unavailable, true)
	f(&net.OpError{Op: "write", Err: syscall.EMSGSIZE}, Rejected, false)
	f(errors.New("tls: unknown certificate"), Failed, true)
}
