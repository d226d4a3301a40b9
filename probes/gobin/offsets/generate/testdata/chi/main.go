// A program that routes with chi.
package main

import (
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	router := chi.NewRouter()
	router.Get("/{name}", func(_ http.ResponseWriter, r *http.Request) { println(chi.RouteContext(r.Context()).RoutePattern()) })
	println(http.ListenAndServe(os.Args[1], router))
}
