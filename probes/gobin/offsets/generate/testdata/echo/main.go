// A program that routes with echo.
package main

import (
	"os"

	"github.com/labstack/echo/v4"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	router := echo.New()
	router.GET("/:name", func(c echo.Context) error { return c.String(200, c.Path()) })
	println(router.Start(os.Args[1]))
}
