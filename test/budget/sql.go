package main

import (
	"context"
	"database/sql"

	"github.com/throughline/throughline/test/fakedb"
)

func querying(keys, string) (call, error) {
	db := sql.OpenDB(fakedb.Database{})
	return func(ctx context.Context) error {
		var a int64
		return db.QueryRowContext(ctx, "SELECT a FROM b").Scan(&a)
	}, nil
}

func executing(keys, string) (call, error) {
	db := sql.OpenDB(fakedb.Database{})
	return func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, "UPDATE b SET a = 1")
		return err
	}, nil
}

func queryingPrepared(keys, string) (call, error) {
	statement, err := sql.OpenDB(fakedb.Database{}).Prepare("SELECT a FROM b")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		var a int64
		return statement.QueryRowContext(ctx).Scan(&a)
	}, nil
}

func executingPrepared(keys, string) (call, error) {
	statement, err := sql.OpenDB(fakedb.Database{}).Prepare("UPDATE b SET a = 1")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := statement.ExecContext(ctx)
		return err
	}, nil
}
