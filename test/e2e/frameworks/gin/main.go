// Command gin serves with github.com/gin-gonic/gin. It answers with the route, as
// gin has it.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/throughline/throughline/test/e2e/frameworks/serve"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.Use(another)
	router.GET("/", answer)
	router.GET("/about", answer)
	router.GET("/users/:id", answer)
	router.POST("/users/:id", answer)
	router.GET("/users/:id/books/:book", answer)
	router.GET("/files/*path", answer)
	v1 := router.Group("/api").Group("/v1", another)
	v1.GET("/items/:item", answer)
	v1.GET("/slow/:id", func(c *gin.Context) {
		time.Sleep(2 * time.Millisecond)
		answer(c)
	})
	router.GET("/moved/:id", func(c *gin.Context) {
		c.Request.URL.Path = "/users/" + c.Param("id")
		router.HandleContext(c)
	})
	serve.Main(router)
}

type key struct{}

// another gives the handlers another request.
func another(c *gin.Context) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), key{}, true))
	c.Next()
}

func answer(c *gin.Context) { c.String(http.StatusOK, c.FullPath()) }
