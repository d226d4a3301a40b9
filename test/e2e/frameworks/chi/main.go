// Command chi serves with github.com/go-chi/chi/v5. It answers with the route, as
// chi has it.
package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/throughline/throughline/test/e2e/frameworks/serve"
)

func main() {
	router := chi.NewRouter()
	router.Use(another, middleware.GetHead)
	router.Get("/", answer)
	router.Get("/about", answer)
	router.Get("/users/{id}", answer)
	router.Post("/users/{id}", answer)
	router.Get("/users/{id}/books/{book:[a-z0-9]+}", answer)
	router.Get("/files/*", answer)
	router.Route("/api", func(api chi.Router) {
		api.Route("/v1", func(v1 chi.Router) {
			v1.Use(another)
			v1.Get("/items/{item}", answer)
			v1.With(another).Get("/slow/{id}", func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(2 * time.Millisecond)
				answer(w, r)
			})
		})
	})
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
	io.WriteString(w, chi.RouteContext(r.Context()).RoutePattern())
}
