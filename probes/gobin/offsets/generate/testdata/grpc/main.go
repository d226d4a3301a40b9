// A program that serves and calls over gRPC.
package main

import (
	"context"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	conn, err := grpc.Dial(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	println(conn, err)
	response, err := healthpb.NewHealthClient(conn).Check(context.Background(), nil)
	println(response, status.Convert(err).Proto().String())
	stream, err := healthpb.NewHealthClient(conn).Watch(context.Background(), nil)
	println(stream, err)
	from, ok := peer.FromContext(context.Background())
	println(from, ok)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", os.Args[1])
	println(listener, err, server.Serve(listener))
}
