// A program that serves and calls over HTTP/2 outside of the standard library.
package main

import (
	"net/http"
	"os"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	client := http.Client{Transport: &http2.Transport{AllowHTTP: true}}
	response, err := client.Get(os.Args[1])
	println(response, err)
	server := http.Server{Handler: h2c.NewHandler(http.DefaultServeMux, &http2.Server{})}
	println(http2.ConfigureServer(&server, nil), server.ListenAndServe())
	framer := http2.NewFramer(os.Stdout, os.Stdin)
	frame, err := framer.ReadFrame()
	headers, ok := frame.(*http2.MetaHeadersFrame)
	println(headers, ok, err)
}
