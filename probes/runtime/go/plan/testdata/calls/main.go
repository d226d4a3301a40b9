// Command calls links all that is probed of gRPC-Go, database/sql and OpenTelemetry's
// SDK, and net/http with the HTTP/2 of golang.org/x/net. It is never run.
package main

import (
	"context"
	"database/sql"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	ctx, _ := trace.NewTracerProvider().Tracer("").Start(context.Background(), "")
	l, _ := net.Listen("tcp", "localhost:0")
	go grpc.NewServer().Serve(l)
	if c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err == nil {
		_ = c.Invoke(ctx, "/a.B/C", nil, nil)
	}
	server := &http.Server{}
	_ = http2.ConfigureServer(server, nil)
	go server.ServeTLS(l, "", "")
	db, _ := sql.Open("none", "")
	db.Query("SELECT 1")
	db.Exec("SELECT 1")
	if tx, err := db.BeginTx(ctx, nil); err == nil {
		tx.Query("SELECT 1")
		tx.Exec("SELECT 1")
	}
	if c, err := db.Conn(ctx); err == nil {
		c.QueryContext(ctx, "SELECT 1")
	}
	if s, err := db.Prepare("SELECT 1"); err == nil {
		s.Query()
		s.Exec()
	}
}
