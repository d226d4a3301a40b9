package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/throughline/throughline/test/fakedb"
)

// withDatabase asks a database, the table's name being the id, and then the
// leaf.
func withDatabase(e *environment) (server, error) {
	db := sql.OpenDB(fakedb.Database{})
	return e.web(e.by(func(ctx context.Context, e *environment, id string) error {
		table := strings.ReplaceAll(id+".1", ".", "_")
		var a int64
		if err := db.QueryRowContext(ctx, "SELECT a FROM "+table).Scan(&a); err != nil {
			return fmt.Errorf("asking for %s: %w", table, err)
		}
		return e.call(ctx, e.leaf, id+".2")
	}))
}
