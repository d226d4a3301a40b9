// Command fasthttp serves with github.com/valyala/fasthttp, and with net/http
// beside it if asked to.
//
//	-listen HOST:PORT    where fasthttp serves
//	-standard HOST:PORT  where net/http serves
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

func main() {
	listen := flag.String("listen", "", "")
	standard := flag.String("standard", "", "")
	flag.Parse()
	if *standard != "" {
		go func() { log.Fatal(http.ListenAndServe(*standard, http.HandlerFunc(standardly))) }()
	}
	log.Fatal(fasthttp.ListenAndServe(*listen, fast))
}

func fast(c *fasthttp.RequestCtx) {
	c.SetStatusCode(status(string(c.Path())))
	fmt.Fprintf(c, "%s %s, body of %d bytes\n", c.Method(), c.Path(), len(c.PostBody()))
}

func standardly(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(status(r.URL.Path))
	fmt.Fprintf(w, "%s %s\n", r.Method, r.URL.Path)
}

// status is the code that a path ends with, and 200 for others. /slow takes 20 ms.
func status(path string) int {
	if strings.HasPrefix(path, "/slow") {
		time.Sleep(20 * time.Millisecond)
	}
	code, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || code < 200 || code > 599 {
		return http.StatusOK
	}
	return code
}
