// A program with the functions that the tests look for.
package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		return
	}
	db, err := sql.Open("none", "")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(db.Query("select 1"))
	fmt.Println(http.Get(os.Args[1]))
	fmt.Println(http.ListenAndServe(os.Args[1], nil))
}
