package main

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	echoService = "throughline.bench.Echo"
	echoMethod  = "/" + echoService + "/Say"
)

// serveEcho is a gRPC server whose unary call answers what it is sent.
func serveEcho(ctx context.Context, args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: echoService,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			said := &wrapperspb.StringValue{}
			return said, decode(said)
		}}},
	}, struct{}{})
	defer context.AfterFunc(ctx, server.Stop)()
	if err := server.Serve(l); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// callEcho makes a connection to it, and calls over that.
func callEcho(address string) (func(context.Context) error, error) {
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("making a gRPC client: %w", err)
	}
	return func(ctx context.Context) error {
		return connection.Invoke(ctx, echoMethod, wrapperspb.String("hello"), &wrapperspb.StringValue{})
	}, nil
}
