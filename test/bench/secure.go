package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
)

// serveSecure says hello over TLS, by HTTP/1.1.
func serveSecure(ctx context.Context, args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: hello()}}
	server.StartTLS()
	<-ctx.Done()
	server.CloseClientConnections()
	server.Close()
	return nil
}

// callSecure asks it, over a connection of its own.
func callSecure(address string) (func(context.Context) error, error) {
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // of a server on loopback that is ours
	}}
	return func(ctx context.Context) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/hello", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(q)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("asking %s: %s", address, answer.Status)
		}
		return nil
	}, nil
}
