// A program that routes with gin.
package main

import (
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	router := gin.New()
	router.GET("/:name", func(c *gin.Context) { c.String(200, c.FullPath()) })
	println(router.Run(os.Args[1]))
}
