// Command gateway is the first of the demo's services: it takes requests in and
// asks orders. Nothing in it knows of tracing.
package main

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /buy/{item}", func(w http.ResponseWriter, r *http.Request) {
		if err := order(w, r.PathValue("item")); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}

// order passes on what orders answers. The request is written by the goroutine
// that serves, as proxies without a connection pool do it: http.Transport would
// hand it to another goroutine.
func order(w http.ResponseWriter, item string) error {
	address := os.Getenv("ORDERS")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	question, err := http.NewRequest(http.MethodPost, "http://"+address+"/orders/"+item, nil)
	if err != nil {
		return err
	}
	if err := question.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), question)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	w.WriteHeader(answer.StatusCode)
	_, err = io.Copy(w, answer.Body)
	return err
}
