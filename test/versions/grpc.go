package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/throughline/throughline/test/traced"
)

// callsGRPC is how often the service is made to call itself.
const callsGRPC = 3

// raw passes messages on as the bytes that they are.
type raw struct{}

func (raw) Name() string                  { return "raw" }
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// askGRPC makes the service call itself: a unary call, one that is refused and a
// stream each time.
func askGRPC(ctx context.Context, address string) error {
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		return fmt.Errorf("making a gRPC client: %w", err)
	}
	defer c.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", caller)
	for range callsGRPC {
		in, out := []byte("?"), []byte(nil)
		if err := c.Invoke(ctx, "/versions.Service/Call", &in, &out); err != nil {
			return fmt.Errorf("calling: %w", err)
		}
	}
	return nil
}

// judgeGRPC expects of each call exactly one span on each side with its method and
// status. Nothing is put on the wire: who is called by the service itself has no parent.
func judgeGRPC(spans []traced.Span) error {
	byID := map[string]traced.Span{}
	count := map[string]int{}
	for _, s := range spans {
		byID[s.SpanID] = s
		count[fmt.Sprintf("%d %s %s %s", s.Kind, s.Attribute("rpc.system.name"), s.Attribute("rpc.method"), s.Attribute("rpc.response.status_code"))]++
	}
	kinds := []string{"2 grpc versions.Service/Call OK"}
	for _, what := range []string{"Unary OK", "Refused NOT_FOUND", "Stream OK"} {
		kinds = append(kinds, "2 grpc versions.Service/"+what, "3 grpc versions.Service/"+what)
	}
	for _, what := range kinds {
		if count[what] != callsGRPC {
			return fmt.Errorf("%d spans %q instead of %d, of %v", count[what], what, callsGRPC, count)
		}
	}
	if want := callsGRPC * len(kinds); len(spans) != want {
		return fmt.Errorf("%d spans instead of %d: %v", len(spans), want, count)
	}
	for _, s := range spans {
		parent := byID[s.ParentSpanID]
		wrong := false
		switch method := s.Attribute("rpc.method"); {
		case method == "versions.Service/Call":
			wrong = s.TraceID+"-"+s.ParentSpanID != caller[3:52]
		case s.Kind == traced.Client:
			wrong = parent.Kind != traced.Server || parent.Attribute("rpc.method") != "versions.Service/Call" || parent.TraceID != s.TraceID
		default:
			wrong = s.ParentSpanID != ""
		}
		if wrong {
			return fmt.Errorf("the parent of a span of kind %d for %s is wrong: %q", s.Kind, s.Attribute("rpc.method"), s.ParentSpanID)
		}
	}
	return nil
}
