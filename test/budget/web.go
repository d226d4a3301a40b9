package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
)

// web is net/http: HTTP/1.1, or over TLS this or HTTP/2, each and nothing else.
type web struct {
	secure, two bool
	path        string // that is asked for; "": any
}

func (w web) protocols() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(!w.two)
	p.SetHTTP2(w.two)
	return p
}

func (w web) serve(ctx context.Context, k keys, l net.Listener, do call) error {
	quiet := log.New(io.Discard, "", 0) // of who only looks whether it listens
	server := &http.Server{Protocols: w.protocols(), ErrorLog: quiet, Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if err := do(r.Context()); err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(out, "hello\n")
	})}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	err := errors.ErrUnsupported
	if w.secure {
		err = server.ServeTLS(l, k.certificate(), k.key())
	} else {
		err = server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

func (w web) caller(k keys, address string) (call, error) {
	transport := &http.Transport{Protocols: w.protocols()}
	url := "http://" + address + cmp.Or(w.path, "/hello")
	if w.secure {
		roots, err := k.roots()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		url = "https" + strings.TrimPrefix(url, "http")
	}
	client := &http.Client{Transport: transport}
	return func(ctx context.Context) error {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(q)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if answer.StatusCode != http.StatusOK || (answer.ProtoMajor == 2) != w.two {
			return fmt.Errorf("asking %s: %s %s", url, answer.Proto, answer.Status)
		}
		return nil
	}, nil
}
