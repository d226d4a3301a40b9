package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// withDatabase asks a database, the table's name being the id, and then the
// leaf.
func withDatabase(e *environment) (server, error) {
	db := sql.OpenDB(database{})
	return e.web(e.by(func(ctx context.Context, e *environment, id string) error {
		table := strings.ReplaceAll(id+".1", ".", "_")
		var a int64
		if err := db.QueryRowContext(ctx, "SELECT a FROM "+table).Scan(&a); err != nil {
			return fmt.Errorf("asking for %s: %w", table, err)
		}
		return e.call(ctx, e.leaf, id+".2")
	}))
}

// A database is driver and connection in one: every statement has one row.
type database struct{}

func (d database) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d database) Driver() driver.Driver                        { return d }
func (d database) Open(string) (driver.Conn, error)             { return d, nil }
func (d database) Close() error                                 { return nil }
func (d database) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }

func (d database) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("no prepared statements")
}

func (d database) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{}, nil
}

// oneRow is a result with one row of one number.
type oneRow struct{ read bool }

func (r *oneRow) Columns() []string { return []string{"a"} }
func (r *oneRow) Close() error      { return nil }

func (r *oneRow) Next(values []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read = true
	values[0] = int64(1)
	return nil
}
