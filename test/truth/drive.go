package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/throughline/throughline/test/truth/judge"
)

const (
	answerTime = 30 * time.Second // for one request
	idleTime   = 10 * time.Second // for what outlives its request
)

// A driver sends the requests of one program. It is not traced.
type driver struct {
	client  *http.Client
	address string
	program program
	context string // of options
}

func newDriver(p program, s *services, sends string) *driver {
	return &driver{address: s.front, program: p, context: sends, client: &http.Client{
		Timeout: answerTime,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return s.network.dial(ctx, address)
			},
			MaxIdleConnsPerHost: 1024,
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // the service signs its own
			ForceAttemptHTTP2:   p.secure == "http2",
		},
	}}
}

// drive sends requests, so many in flight, as long as there are to be more, and
// returns them when everything that they caused is over.
func (d *driver) drive(ctx context.Context, flight int, more func(sent int) bool) ([]judge.Request, error) {
	defer d.client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var requests []judge.Request
	next := func() (q judge.Request, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil || !more(len(requests)) {
			return q, false
		}
		q = d.request(len(requests) + 1)
		requests = append(requests, q)
		return q, true
	}
	var wait sync.WaitGroup
	for range flight {
		wait.Go(func() {
			for q, ok := next(); ok; q, ok = next() {
				if err := d.send(ctx, q); err != nil {
					cancel(err)
				}
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return requests, d.idle(ctx)
}

// request makes the nth request.
func (d *driver) request(n int) judge.Request {
	q := judge.Request{Expect: d.program.expect(fmt.Sprintf("r%d", n))}
	if d.context == contextSent || d.context == contextBoth && n%2 == 0 {
		_, _ = rand.Read(q.Sent.Trace[:]) // never fails
		_, _ = rand.Read(q.Sent.Span[:])
	}
	return q
}

// send sends one request, which must be answered with 200: then its service has
// made all of its calls.
func (d *driver) send(ctx context.Context, q judge.Request) error {
	id := q.Expect[0].ID
	status, text, err := d.get(ctx, "/"+d.program.name+"/"+id, q.Sent)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, text)
	}
	if err != nil {
		return fmt.Errorf("sending %s: %w", id, err)
	}
	return nil
}

// idle waits until the service has done what it does after its answers.
func (d *driver) idle(ctx context.Context) error {
	for end := time.Now().Add(idleTime); ; time.Sleep(20 * time.Millisecond) {
		status, _, err := d.get(ctx, "/-/idle", judge.Context{})
		if err != nil {
			return fmt.Errorf("waiting for the service's end of work: %w", err)
		}
		if status == http.StatusOK {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("waiting for the service's end of work: it took too long")
		}
	}
}

func (d *driver) get(ctx context.Context, path string, sent judge.Context) (status int, text string, err error) {
	scheme := "http://"
	if d.program.secure != "" {
		scheme = "https://"
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+d.address+path, nil)
	if err != nil {
		return 0, "", err
	}
	if sent != (judge.Context{}) {
		q.Header.Set("Traceparent", "00-"+hex.EncodeToString(sent.Trace[:])+"-"+hex.EncodeToString(sent.Span[:])+"-01")
	}
	a, err := d.client.Do(q)
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	if (a.ProtoMajor == 2) != (d.program.secure == "http2") {
		return 0, "", fmt.Errorf("the answer came over %s", a.Proto)
	}
	body, err := io.ReadAll(a.Body)
	return a.StatusCode, string(body), err
}
