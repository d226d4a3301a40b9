// Package serve runs a framework's handler behind net/http's server, in ways in
// which people do.
package serve

import (
	"context"
	"flag"
	"log"
	"net/http"
	"sync"
)

// Main serves the handler until it is killed.
//
//	-listen HOST:PORT  where
//	-strip PREFIX      behind a ServeMux that takes this off the path
//	-wrapped           the handler sees a writer and a request that are others' copies
func Main(handler http.Handler) {
	listen := flag.String("listen", "", "")
	strip := flag.String("strip", "", "")
	wrapped := flag.Bool("wrapped", false, "")
	flag.Parse()
	if *wrapped {
		handler = wrap(handler)
	}
	if *strip != "" {
		mux := http.NewServeMux()
		mux.Handle(*strip+"/", http.StripPrefix(*strip, handler))
		handler = mux
	}
	log.Fatal(http.ListenAndServe(*listen, handler))
}

// wrap hands on a writer from a pool and another request, as middleware that
// counts bytes or adds to the context does.
func wrap(next http.Handler) http.Handler {
	type key struct{}
	pool := sync.Pool{New: func() any { return new(writer) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counting := pool.Get().(*writer)
		counting.ResponseWriter = w
		next.ServeHTTP(counting, r.WithContext(context.WithValue(r.Context(), key{}, true)))
		pool.Put(counting)
	})
}

type writer struct {
	http.ResponseWriter
	bytes int
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}
