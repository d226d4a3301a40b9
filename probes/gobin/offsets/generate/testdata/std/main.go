// A program that uses the standard library's types, so that they are in its debug
// information. It is built by old toolchains too.
package main

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	address := os.Args[1]
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), &address, address), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	println(response, err)
	db, err := sql.Open(address, "")
	if err != nil {
		panic(err)
	}
	conn, err := db.Conn(ctx)
	println(conn, err)
	tx, err := db.BeginTx(ctx, nil)
	println(tx, err)
	statement, err := tx.PrepareContext(ctx, address)
	println(statement, err)
	dialled, err := net.Dial("tcp", address)
	println(dialled.(*net.TCPConn), err)
	many := map[string]string{address: address}
	for key := range many {
		println(many[key])
	}
	newer(ctx)
	handler := http.TimeoutHandler(http.DefaultServeMux, time.Second, address)
	println(http.ListenAndServeTLS(address, address, address, handler), http.ListenAndServe(address, nil))
}
