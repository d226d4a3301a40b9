//go:build !nogrpc

package main

import (
	"context"
	"fmt"
	"net"
	"path"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// grpcService is the one service; its methods' names are ids.
const grpcService = "/truth.Service/"

// raw passes messages on as the bytes that they are.
type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("writing a message: it is a %T", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("reading a message: it is a %T", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

// grpcFront is asked over HTTP and calls the middle over gRPC.
func grpcFront(e *environment) (server, error) {
	call, err := grpcCaller(e.middle)
	if err != nil {
		return nil, err
	}
	return e.web(e.by(func(ctx context.Context, _ *environment, id string) error { return call(ctx, id+".1") }))
}

// grpcMiddle makes two calls at once for each that it gets.
func grpcMiddle(e *environment) (server, error) {
	call, err := grpcCaller(e.leaf)
	if err != nil {
		return nil, err
	}
	return grpcServing(func(ctx context.Context, id string) error {
		g, ctx := newGroup(ctx)
		g.start(func() error { return call(ctx, id+".1") })
		g.start(func() error { return call(ctx, id+".2") })
		return g.join()
	}), nil
}

// grpcLeaf answers.
func grpcLeaf(*environment) (server, error) {
	return grpcServing(func(context.Context, string) error { return nil }), nil
}

// grpcCaller returns what calls a server, over one connection.
func grpcCaller(address string) (func(ctx context.Context, id string) error, error) {
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		return nil, fmt.Errorf("making a gRPC client: %w", err)
	}
	return func(ctx context.Context, id string) error {
		in, out := []byte("?"), []byte(nil)
		if err := c.Invoke(ctx, grpcService+id, &in, &out); err != nil {
			return fmt.Errorf("calling %s: %w", id, err)
		}
		return nil
	}, nil
}

// A grpcServer takes calls of whatever method.
type grpcServer struct{ *grpc.Server }

func grpcServing(do func(ctx context.Context, id string) error) server {
	return grpcServer{grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(s)
		var message []byte
		if err := s.RecvMsg(&message); err != nil {
			return err
		}
		if err := do(s.Context(), path.Base(method)); err != nil {
			return err
		}
		return s.SendMsg(&message)
	}))}
}

func (s grpcServer) serve(l net.Listener) error { return s.Serve(l) }
func (s grpcServer) end()                       { s.Stop() }
