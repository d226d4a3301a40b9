package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of the metrics server: a scrape is one short request, so everything slower is cut off.
const (
	readTimeout   = 5 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeaderSize = 16 << 10
)

// Handler serves the set's figures, those of the agent's process and what more collectors have, in Prometheus form.
func Handler(set *Set, more ...prometheus.Collector) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	for _, collector := range append([]prometheus.Collector{
		NewCollector(set),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, more...) {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("registering a metrics collector: %w", err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: writeTimeout / 2, EnableOpenMetrics: true, // which has exemplars
	}), nil
}

// Server answers /metrics on one address until it is shut down.
type Server struct {
	http     *http.Server
	listener net.Listener
	served   chan struct{}
}

// Serve listens on address ("host:port", ":port") and serves the set's figures, and those of more collectors, there in the background.
func Serve(address string, set *Set, log *slog.Logger, more ...prometheus.Collector) (*Server, error) {
	handler, err := Handler(set, more...)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serving metrics on %q: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	s := &Server{
		listener: listener,
		served:   make(chan struct{}),
		http: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: readTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderSize,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("serving metrics ended", "address", address, "error", err)
		}
	}()
	return s, nil
}

// Addr is the address that is listened on, with the port that the kernel chose for port 0.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Shutdown stops listening, waits for answers under way until ctx ends, and then cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("shutting down the metrics server: %w", err), s.http.Close())
	}
	<-s.served
	return err
}
