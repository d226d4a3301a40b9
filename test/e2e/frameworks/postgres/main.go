// Command postgres has a driver for PostgreSQL linked in, and asks once for each
// request that it serves. What answers is no database: every statement succeeds.
//
//	-listen HOST:PORT
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"log"
	"net/http"

	_ "github.com/lib/pq"
)

func main() {
	listen := flag.String("listen", "", "")
	flag.Parse()
	db := sql.OpenDB(nowhere{})
	log.Fatal(http.ListenAndServe(*listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := db.ExecContext(r.Context(), "UPDATE users SET a = 1"); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})))
}

// nowhere is connector, driver and connection in one.
type nowhere struct{}

func (n nowhere) Connect(context.Context) (driver.Conn, error) { return n, nil }
func (n nowhere) Driver() driver.Driver                        { return n }
func (n nowhere) Open(string) (driver.Conn, error)             { return n, nil }
func (n nowhere) Close() error                                 { return nil }
func (n nowhere) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (n nowhere) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }

func (n nowhere) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}
