// Command cmd is goservice as a program of its own.
package main

import (
	"fmt"
	"os"

	"github.com/throughline/throughline/test/e2e/goservice"
)

func main() {
	if err := goservice.Main(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}
