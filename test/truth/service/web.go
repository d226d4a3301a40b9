package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strings"
)

// A way does what a request asks for, apart from the answer.
type way func(ctx context.Context, e *environment, id string) error

// handles makes a builder of a way.
func handles(w way) builder {
	return func(e *environment) (server, error) { return e.web(e.by(w)) }
}

// by makes an HTTP handler of a way: 200 if everything went well.
func (e *environment) by(w way) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if err := w(q.Context(), e, path.Base(q.URL.Path)); err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(out, "ok")
	})
}

// A webServer serves HTTP/1.1, or HTTP/1.1 and HTTP/2 over TLS.
type webServer struct {
	*http.Server
	secure bool
}

// web makes the server of a handler. It says at /-/idle whether anything that
// outlived its request is still at work.
func (e *environment) web(h http.Handler) (server, error) {
	s := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if !strings.HasPrefix(q.URL.Path, "/-/") {
			h.ServeHTTP(out, q)
		} else if e.pending.Load() != 0 {
			http.Error(out, "busy", http.StatusServiceUnavailable)
		}
	})}
	if e.secure == "" {
		return webServer{s, false}, nil
	}
	certificate, err := selfSigned()
	if err != nil {
		return nil, err
	}
	s.ErrorLog = log.New(io.Discard, "", 0) // of who only looks whether it listens
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if e.secure == "http1" {
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // no HTTP/2
	}
	return webServer{s, true}, nil
}

func (s webServer) serve(l net.Listener) error {
	if s.secure {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

func (s webServer) end() { s.Close() }
