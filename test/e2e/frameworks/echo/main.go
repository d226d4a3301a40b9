// Command echo serves with github.com/labstack/echo/v4. It answers with the route,
// as echo has it.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/throughline/throughline/test/e2e/frameworks/serve"
)

func main() {
	router := echo.New()
	router.Use(another)
	router.GET("/", answer)
	router.GET("/about", answer)
	router.GET("/users/:id", answer)
	router.POST("/users/:id", answer)
	router.GET("/users/:id/books/:book", answer)
	router.GET("/files/*", answer)
	v1 := router.Group("/api").Group("/v1")
	v1.GET("/items/:item", answer, another)
	v1.GET("/slow/:id", func(c echo.Context) error {
		time.Sleep(2 * time.Millisecond)
		return answer(c)
	})
	serve.Main(router)
}

type key struct{}

// another gives the handlers another request.
func another(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), key{}, true)))
		return next(c)
	}
}

func answer(c echo.Context) error { return c.String(http.StatusOK, c.Path()) }
