package main

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"time"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// calls are what a handler may call, with instrumentation and without.
type calls struct {
	leaf, http2         string // where they are
	told, told2, plain2 *http.Client
	toldRPC, rpc        *grpc.ClientConn
	toldDB, db          *sql.DB
}

func newCalls(address, rpc string) (*calls, error) {
	server := httptest.NewUnstartedServer(leaf{})
	server.EnableHTTP2 = true
	server.StartTLS()
	c := &calls{leaf: address, told: &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}}
	c.http2 = server.URL
	c.plain2 = server.Client()
	c.told2 = &http.Client{Transport: otelhttp.NewTransport(c.plain2.Transport)}
	var err error
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	if c.rpc, err = grpc.Dial(rpc, plain); err != nil {
		return nil, err
	}
	if c.toldRPC, err = grpc.Dial(rpc, plain, grpc.WithStatsHandler(otelgrpc.NewClientHandler())); err != nil {
		return nil, err
	}
	sql.Register("fake", driverOfNothing{})
	if c.db, err = sql.Open("fake", ""); err != nil {
		return nil, err
	}
	c.toldDB, err = otelsql.Open("fake", "")
	return c, err
}

func (c *calls) byPath() map[string]func(r *http.Request) error {
	return map[string]func(r *http.Request) error{
		"nothing": func(*http.Request) error { return nil },
		// The SDK tells of the call.
		"told": func(r *http.Request) error { return get(r.Context(), c.told, c.leaf, r, nil) },
		// Nobody does.
		"plain": func(r *http.Request) error { return get(r.Context(), http.DefaultClient, c.leaf, r, nil) },
		// The same over TLS and HTTP/2.
		"told2":  func(r *http.Request) error { return get(r.Context(), c.told2, c.http2, r, nil) },
		"plain2": func(r *http.Request) error { return get(r.Context(), c.plain2, c.http2, r, nil) },
		// A span of another kind is between.
		"within": func(r *http.Request) error {
			ctx, span := otel.Tracer("").Start(r.Context(), "within")
			defer span.End()
			return get(ctx, http.DefaultClient, c.leaf, r, nil)
		},
		// The program begins the call's span by itself.
		"own": func(r *http.Request) error {
			ctx, span := otel.Tracer("").Start(r.Context(), "own", trace.WithSpanKind(trace.SpanKindClient))
			defer span.End()
			return get(ctx, http.DefaultClient, c.leaf, r, nil)
		},
		// The program puts the header in by itself.
		"header": func(r *http.Request) error {
			header := http.Header{}
			otel.GetTextMapPropagator().Inject(r.Context(), propagation.HeaderCarrier(header))
			return get(r.Context(), http.DefaultClient, c.leaf, r, header)
		},
		// A proxy forwards what it was sent.
		"forward": func(r *http.Request) error { return get(r.Context(), http.DefaultClient, c.leaf, r, r.Header) },
		// The context is lost.
		"lost":    func(r *http.Request) error { return get(context.Background(), http.DefaultClient, c.leaf, r, nil) },
		"sql":     func(r *http.Request) error { return query(r.Context(), c.db) },
		"toldsql": func(r *http.Request) error { return query(r.Context(), c.toldDB) },
		"rpc":     func(r *http.Request) error { return check(r.Context(), c.rpc) },
		// A call, and then nothing for a second.
		"slow": func(r *http.Request) error {
			err := get(r.Context(), http.DefaultClient, c.leaf, r, nil)
			time.Sleep(time.Second)
			return err
		},
		"toldrpc": func(r *http.Request) error { return check(r.Context(), c.toldRPC) },
	}
}

// get asks a leaf, by the number that the request has in its path.
func get(ctx context.Context, client *http.Client, leaf string, r *http.Request, header http.Header) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, leaf+"/leaf/"+path.Base(r.URL.Path), nil)
	if err != nil {
		return err
	}
	if header != nil {
		request.Header = header.Clone()
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func query(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "DELETE FROM carts")
	return err
}

func check(ctx context.Context, c *grpc.ClientConn) error {
	_, err := grpc_health_v1.NewHealthClient(c).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err
}
