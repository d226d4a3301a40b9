// A program that routes with mux.
package main

import (
	"net/http"
	"os"

	"github.com/gorilla/mux"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	router := mux.NewRouter()
	router.HandleFunc("/{name}", func(_ http.ResponseWriter, r *http.Request) {
		template, err := mux.CurrentRoute(r).GetPathTemplate()
		println(template, err)
	})
	println(http.ListenAndServe(os.Args[1], router))
}
