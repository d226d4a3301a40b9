package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// An environment is what every program works with.
type environment struct {
	program      string
	middle, leaf string // addresses
	secure       string // http1 or http2 over TLS; empty: plain HTTP/1.1
	client       *http.Client
	pending      atomic.Int64 // what outlives its request and is not done
}

// newClient returns a client with connections of its own; most limits how many
// to one host, 0 does not.
func (e *environment) newClient(most int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxConnsPerHost:     most,
		MaxIdleConnsPerHost: 2048,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // the certificate is made at start, for nobody else
		ForceAttemptHTTP2:   e.secure == "http2",
	}}
}

// spoke tells whether that was the version of HTTP that is to be measured.
func (e *environment) spoke(major int) error {
	if (major == 2) != (e.secure == "http2") {
		return fmt.Errorf("the answer came over HTTP/%d", major)
	}
	return nil
}

func (e *environment) url(address, id string) string {
	scheme := "http"
	if e.secure != "" {
		scheme = "https"
	}
	return scheme + "://" + address + "/" + e.program + "/" + id
}

// call makes the request with an id and wants it answered with 200.
func (e *environment) call(ctx context.Context, address, id string) error {
	return e.callBy(ctx, e.client, address, id, http.StatusOK)
}

func (e *environment) callBy(ctx context.Context, client *http.Client, address, id string, status int) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url(address, id), nil)
	if err != nil {
		return fmt.Errorf("calling %s: %w", id, err)
	}
	a, err := client.Do(q)
	if err != nil {
		return fmt.Errorf("calling %s: %w", id, err)
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", id, err)
	}
	if err := e.spoke(a.ProtoMajor); err != nil {
		return fmt.Errorf("calling %s: %w", id, err)
	}
	if a.StatusCode != status {
		return fmt.Errorf("calling %s: %s", id, a.Status)
	}
	return nil
}
