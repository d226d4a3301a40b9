// Command mux serves with github.com/gorilla/mux. It answers with the route, as mux
// has it.
package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/throughline/throughline/test/e2e/frameworks/serve"
)

func main() {
	router := mux.NewRouter()
	router.Use(another)
	router.HandleFunc("/", answer).Methods(http.MethodGet)
	router.HandleFunc("/about", answer).Methods(http.MethodGet)
	router.HandleFunc("/users/{id}", answer).Methods(http.MethodGet, http.MethodPost)
	router.HandleFunc("/users/{id}/books/{book:[a-z0-9]+}", answer).Methods(http.MethodGet)
	router.PathPrefix("/files/").HandlerFunc(answer)
	v1 := router.PathPrefix("/api").Subrouter().PathPrefix("/v1").Subrouter()
	v1.Use(another)
	v1.HandleFunc("/items/{item}", answer).Methods(http.MethodGet)
	v1.HandleFunc("/slow/{id}", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(2 * time.Millisecond)
		answer(w, r)
	}).Methods(http.MethodGet)
	router.Host("shop.example").HandlerFunc(answer)
	serve.Main(router)
}

type key struct{}

// another gives the handlers another request.
func another(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, true)))
	})
}

func answer(w http.ResponseWriter, r *http.Request) {
	template, err := mux.CurrentRoute(r).GetPathTemplate()
	if err != nil {
		template = ""
	}
	io.WriteString(w, template)
}
