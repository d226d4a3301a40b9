package main

import (
	"net/http"
	"net/http/httputil"
	"path"
	"strings"
	"time"
)

// refuseFirst refuses the first attempt of each request.
func refuseFirst(e *environment) (server, error) {
	h := e.by(answer)
	return e.web(http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, ".1") {
			http.Error(out, "not now", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(out, q)
	}))
}

// redirectFirst sends the first request on to the second, and that to the third.
func redirectFirst(e *environment) (server, error) {
	h := e.by(answer)
	return e.web(http.HandlerFunc(func(out http.ResponseWriter, q *http.Request) {
		id := path.Base(q.URL.Path)
		next := map[byte]string{'1': "2", '2': "3"}[id[len(id)-1]]
		if next == "" {
			h.ServeHTTP(out, q)
			return
		}
		http.Redirect(out, q, e.url(q.Host, id[:len(id)-1]+next), http.StatusFound)
	}))
}

// withTimeout calls from a handler that http.TimeoutHandler runs in a goroutine
// of its own. None takes that long.
func withTimeout(e *environment) (server, error) {
	return e.web(http.TimeoutHandler(e.by(direct), time.Minute, "too long"))
}

// proxy passes requests on, with the headers that they came with.
func proxy(e *environment) (server, error) {
	return e.web(&httputil.ReverseProxy{
		Transport: e.client.Transport,
		Director: func(q *http.Request) {
			q.URL.Scheme, q.URL.Host, q.Host = "http", e.middle, e.middle
			q.URL.Path += ".f1"
		},
	})
}
