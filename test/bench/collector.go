package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
)

// serveCollector takes OTLP over HTTP, counts the spans and forgets them. They
// are counted by their places in the message, which costs next to nothing.
func serveCollector(ctx context.Context, args []string) error {
	var spans atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			var n int
			n, err = countSpans(body)
			spans.Add(int64(n))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strconv.FormatInt(spans.Load(), 10))
	})
	return serve(ctx, args[0], mux)
}

// countSpans counts in an ExportTraceServiceRequest: resource_spans = 1,
// scope_spans = 2, spans = 2.
func countSpans(message []byte) (n int, err error) {
	err = fields(message, 1, func(resource []byte) error {
		return fields(resource, 2, func(scope []byte) error {
			return fields(scope, 2, func([]byte) error { n++; return nil })
		})
	})
	return n, err
}

// fields calls f for each length-delimited field of that number.
func fields(message []byte, number protowire.Number, f func([]byte) error) error {
	for len(message) > 0 {
		num, kind, head := protowire.ConsumeTag(message)
		if head < 0 {
			return fmt.Errorf("reading a message: %w", protowire.ParseError(head))
		}
		size := protowire.ConsumeFieldValue(num, kind, message[head:])
		if size < 0 {
			return fmt.Errorf("reading a message: %w", protowire.ParseError(size))
		}
		if num == number && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[head:])
			if err := f(value); err != nil {
				return err
			}
		}
		message = message[head+size:]
	}
	return nil
}

// received asks the collector how many spans it has seen.
func received(ctx context.Context, address string) (int, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/count", nil)
	if err != nil {
		return 0, fmt.Errorf("asking the collector: %w", err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, fmt.Errorf("asking the collector: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	n, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err := errors.Join(err, bad); err != nil {
		return 0, fmt.Errorf("asking the collector: %w", err)
	}
	return n, nil
}
