package main

import (
	"context"
	"fmt"
	"net/http"
)

// answer makes no call.
func answer(context.Context, *environment, string) error { return nil }

// direct calls the leaf from the handler itself.
func direct(ctx context.Context, e *environment, id string) error {
	return e.call(ctx, e.leaf, id+".1")
}

// viaMiddle calls a service that makes calls itself.
func viaMiddle(ctx context.Context, e *environment, id string) error {
	return e.call(ctx, e.middle, id+".1")
}

// retry calls again when the first attempt was refused.
func retry(ctx context.Context, e *environment, id string) error {
	err := e.callBy(ctx, e.client, e.leaf, id+".1", http.StatusServiceUnavailable)
	if err != nil {
		return fmt.Errorf("wanting to be refused: %w", err)
	}
	return e.call(ctx, e.leaf, id+".2")
}

// fewConnections makes two calls over connections that all requests share.
func fewConnections(e *environment) (server, error) {
	client := e.newClient(4)
	return e.web(e.by(func(ctx context.Context, e *environment, id string) error {
		for _, call := range []string{id + ".1", id + ".2"} {
			if err := e.callBy(ctx, client, e.leaf, call, http.StatusOK); err != nil {
				return err
			}
		}
		return nil
	}))
}
