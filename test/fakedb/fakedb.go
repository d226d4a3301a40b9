// Package fakedb is a database for programs that are traced: nothing is behind it,
// every statement succeeds, and every query has one row of one number.
package fakedb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// Database is connector, driver and connection in one. Its zero value is ready.
type Database struct{}

// Connect implements driver.Connector.
func (d Database) Connect(context.Context) (driver.Conn, error) { return d, nil }

// Driver implements driver.Connector.
func (d Database) Driver() driver.Driver { return d }

// Open implements driver.Driver.
func (d Database) Open(string) (driver.Conn, error) { return d, nil }

// Close implements driver.Conn.
func (d Database) Close() error { return nil }

// Begin implements driver.Conn.
func (d Database) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }

// Prepare implements driver.Conn.
func (d Database) Prepare(string) (driver.Stmt, error) { return prepared{}, nil }

// QueryContext implements driver.QueryerContext.
func (d Database) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{}, nil
}

// ExecContext implements driver.ExecerContext.
func (d Database) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

// prepared is a statement, whatever its text.
type prepared struct{}

func (prepared) Close() error                               { return nil }
func (prepared) NumInput() int                              { return 0 }
func (prepared) Exec([]driver.Value) (driver.Result, error) { return driver.ResultNoRows, nil }
func (prepared) Query([]driver.Value) (driver.Rows, error)  { return &oneRow{}, nil }

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
