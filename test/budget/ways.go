package main

import (
	"context"
	"fmt"
	"net"
)

// A call asks once, and waits for the whole answer.
type call func(context.Context) error

// A way is a library by which services ask each other, used as programs use it.
type way struct {
	name string
	// serve answers on a listener until the context ends, when do has done its part;
	// nil for what is asked without a server.
	serve func(ctx context.Context, k keys, l net.Listener, do call) error
	// caller makes what asks the server at an address, over one connection.
	caller func(k keys, address string) (call, error)
}

func ways() []way {
	return []way{
		{"http", web{}.serve, web{}.caller},
		{"https", web{secure: true}.serve, web{secure: true}.caller},
		{"http2", web{secure: true, two: true}.serve, web{secure: true, two: true}.caller},
		{"grpc", serveGRPC, callGRPC},
		{"sql-query", nil, querying},
		{"sql-exec", nil, executing},
		{"sql-prepared-query", nil, queryingPrepared},
		{"sql-prepared-exec", nil, executingPrepared},
	}
}

func wayOf(name string) (way, error) {
	for _, w := range ways() {
		if w.name == name {
			return w, nil
		}
	}
	return way{}, fmt.Errorf("no way to ask is called %q", name)
}
