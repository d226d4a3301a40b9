package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	"github.com/throughline/throughline/test/stage"
)

// A span is what of one is compared, as OTLP JSON has it.
type span struct {
	TraceID, SpanID, ParentSpanID string
	Kind                          int
	Attributes                    []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
}

func (s span) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// caller is the traceparent that one of the requests brings.
const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// trace sends a few requests to the service while the agent traces it.
func trace(ctx context.Context, agent, service string) (spans []span, err error) {
	s, err := stage.Open("throughline-versions")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	address, err := stage.FreeAddress()
	if err != nil {
		return nil, err
	}
	program, err := s.Start(exec.Command(service, address))
	if err != nil {
		return nil, err
	}
	defer program.Stop()
	if err := program.Await(ctx, address); err != nil {
		return nil, err
	}
	side, err := stage.Open("throughline-versions-agent")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, side.Close()) }()
	var out bytes.Buffer
	cmd := exec.Command(agent, "trace", "-o", "json", "--pid", strconv.Itoa(program.PID()))
	cmd.Stdout = &out
	tracer, err := side.StartAgent(ctx, cmd, 1)
	if err != nil {
		return nil, err
	}
	err = ask(ctx, "http://"+address)
	time.Sleep(200 * time.Millisecond)
	if err = errors.Join(err, tracer.Stop()); err != nil {
		return nil, err
	}
	return read(&out)
}

// ask sends three requests that make the service call itself, and one that brings
// a context.
func ask(ctx context.Context, url string) error {
	for _, path := range []string{"/call", "/call", "/call", "/hello/asked"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			return err
		}
		if path == "/hello/asked" {
			request.Header.Set("traceparent", caller)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", path, err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	return nil
}

func read(out io.Reader) (spans []span, err error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var data struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []span }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &data); err != nil {
			return nil, fmt.Errorf("reading what the agent printed: %w", err)
		}
		for _, r := range data.ResourceSpans {
			for _, s := range r.ScopeSpans {
				spans = append(spans, s.Spans...)
			}
		}
	}
	return spans, lines.Err()
}
