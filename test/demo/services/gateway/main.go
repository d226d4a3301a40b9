// Command gateway is the first of the demo's services: it takes requests in and
// asks orders. Nothing in it knows of tracing.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	orders := "http://" + os.Getenv("ORDERS")
	http.HandleFunc("GET /buy/{item}", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Post(orders+"/orders/"+r.PathValue("item"), "text/plain", nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
