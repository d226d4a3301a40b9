package main

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// serveGRPC serves the health service, whose Check is a unary call.
func serveGRPC(ctx context.Context, _ keys, l net.Listener, do call) error {
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		if err := do(ctx); err != nil {
			return nil, err
		}
		return h(ctx, in)
	}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	defer context.AfterFunc(ctx, server.Stop)()
	if err := server.Serve(l); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

func callGRPC(_ keys, address string) (call, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("making a gRPC client: %w", err)
	}
	client := grpc_health_v1.NewHealthClient(connection)
	return func(ctx context.Context) error {
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err
	}, nil
}
