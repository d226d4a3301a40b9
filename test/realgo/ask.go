package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	// rounds is how often everything is asked.
	rounds = 20
	// readyTime is how long a program may take until it answers.
	readyTime = 20 * time.Second
	// answerTime is how long all answers may take.
	answerTime = time.Minute
)

// An asked thing is what the SERVER span of a request has to be.
type asked struct {
	trace, span string // what the request brought
	what        string // method, path and status, or a call's method and status
	proxied     bool
}

// An asker asks and notes what it asked.
type asker struct {
	expand  func(string) string
	client  *http.Client
	conn    *grpc.ClientConn
	answers []asked
}

// newAsker makes one. Certificates are of the program's own making.
func newAsker(expand func(string) string) (*asker, error) {
	conn, err := grpc.NewClient(expand("{address}"), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		return nil, fmt.Errorf("making a gRPC client: %w", err)
	}
	return &asker{expand: expand, conn: conn, client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

func (a *asker) close() error {
	a.client.CloseIdleConnections()
	return a.conn.Close()
}

// all asks for everything in turn, every third time on a connection of its own.
func (a *asker) all(ctx context.Context, p program) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for round := range rounds {
		for _, r := range p.requests {
			if err := a.ask(ctx, r, round%3 == 2); err != nil {
				return fmt.Errorf("asking %s %s: %w", r.method, a.expand(r.url), err)
			}
		}
		for _, c := range p.calls {
			if err := a.call(ctx, c); err != nil {
				return fmt.Errorf("calling %s: %w", c.method, err)
			}
		}
	}
	return nil
}

// note makes the context that a request brings.
func (a *asker) note(what string, proxied bool) (traceparent string) {
	n := len(a.answers) + 1
	one := asked{fmt.Sprintf("%032x", 0xace<<64>>32|n), fmt.Sprintf("%016x", n), what, proxied}
	a.answers = append(a.answers, one)
	return "00-" + one.trace + "-" + one.span + "-01"
}

func (a *asker) ask(ctx context.Context, r request, fresh bool) error {
	target, err := url.Parse(a.expand(r.url))
	if err != nil {
		return err
	}
	return a.send(ctx, r, fresh, a.note(fmt.Sprintf("%s %s %d", r.method, target.Path, r.status), r.proxied))
}

// send makes a request, and it has to be answered as it should.
func (a *asker) send(ctx context.Context, r request, fresh bool, traceparent string) error {
	request, err := http.NewRequestWithContext(ctx, r.method, a.expand(r.url), strings.NewReader(r.body))
	if err != nil {
		return err
	}
	request.Close = fresh
	if traceparent != "" {
		request.Header.Set("Traceparent", traceparent)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != r.status {
		err = errors.Join(err, fmt.Errorf("the answer is %s", response.Status))
	}
	return err
}

// ready waits until each request is answered as it should: some programs listen
// before they can. The connections stay open: there are some when the agent comes.
func (a *asker) ready(ctx context.Context, p program) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for _, r := range p.requests {
		for {
			err := a.send(ctx, r, false, "")
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting until %s %s is answered: %w", r.method, a.expand(r.url), err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// call makes a call to its end. A unary one is a stream with one message each way.
func (a *asker) call(ctx context.Context, c call) error {
	what := strings.TrimPrefix(c.method, "/") + " " + c.status()
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", a.note(what, false))
	stream, err := a.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: c.streams}, c.method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg([]byte(c.message)); err != nil && err != io.EOF {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var answer []byte
	for err = stream.RecvMsg(&answer); err == nil && c.streams; {
		err = stream.RecvMsg(&answer)
	}
	if err == io.EOF {
		err = nil
	}
	if status.Code(err) != c.code {
		return fmt.Errorf("the status is %s instead of %s: %w", status.Code(err), c.code, err)
	}
	return nil
}

// raw passes messages on as the bytes that they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) { return v.([]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
