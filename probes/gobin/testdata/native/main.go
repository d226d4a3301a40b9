// A program that a C linker puts together.
package main

// static int twice(int n) { return 2 * n; }
import "C"

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	fmt.Println(C.twice(1))
	fmt.Println(http.Get(os.Args[1]))
	fmt.Println(http.ListenAndServe(os.Args[1], nil))
}
