// Command service is the Go program that the ground truth is measured on: one of
// the services of a chain, which handles requests in the way of one program (a
// worker pool, a pipeline, HTTP/2 ...). A request's path is /PROGRAM/ID, the ids
// of the calls that it makes are longer ones (see test/truth/judge). It is to be
// built by older versions of Go too, so it uses nothing that came after 1.21; gRPC
// is left out with -tags nogrpc.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// run serves until SIGTERM.
func run(args []string) error {
	set := flag.NewFlagSet("service", flag.ContinueOnError)
	program := set.String("program", "", "the `NAME` of the way to handle requests")
	role := set.String("role", "", "front, middle or leaf")
	listen := set.String("listen", "", "the own `ADDRESS`")
	middle := set.String("middle", "", "the middle service's `ADDRESS`")
	leaf := set.String("leaf", "", "the leaf service's `ADDRESS`")
	secure := set.String("secure", "", "http1 or http2: serve and call it over TLS")
	if err := set.Parse(args); err != nil {
		return err
	}
	build, err := find(*program, *role)
	if err != nil {
		return err
	}
	e := &environment{program: *program, middle: *middle, leaf: *leaf, secure: *secure}
	e.client = e.newClient(0)
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", *listen, err)
	}
	s, err := build(e)
	if err != nil {
		return fmt.Errorf("making the %s of %s: %w", *role, *program, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go func() { <-ctx.Done(); s.end() }()
	if err := s.serve(l); ctx.Err() == nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
