package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

func querying(keys, string) (call, error) {
	db := sql.OpenDB(nowhere{})
	return func(ctx context.Context) error {
		var a int64
		return db.QueryRowContext(ctx, "SELECT a FROM b").Scan(&a)
	}, nil
}

func executing(keys, string) (call, error) {
	db := sql.OpenDB(nowhere{})
	return func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, "UPDATE b SET a = 1")
		return err
	}, nil
}

func queryingPrepared(keys, string) (call, error) {
	statement, err := sql.OpenDB(nowhere{}).Prepare("SELECT a FROM b")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		var a int64
		return statement.QueryRowContext(ctx).Scan(&a)
	}, nil
}

func executingPrepared(keys, string) (call, error) {
	statement, err := sql.OpenDB(nowhere{}).Prepare("UPDATE b SET a = 1")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := statement.ExecContext(ctx)
		return err
	}, nil
}

// nowhere is a database: its connector, driver, connection and statement in one.
// Every statement succeeds, every query has one row.
type nowhere struct{}

func (n nowhere) Connect(context.Context) (driver.Conn, error) { return n, nil }
func (n nowhere) Driver() driver.Driver                        { return n }
func (n nowhere) Open(string) (driver.Conn, error)             { return n, nil }
func (n nowhere) Close() error                                 { return nil }
func (n nowhere) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (n nowhere) Prepare(string) (driver.Stmt, error)          { return prepared{}, nil }

func (n nowhere) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{}, nil
}

func (n nowhere) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

// prepared is a statement of nowhere.
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
