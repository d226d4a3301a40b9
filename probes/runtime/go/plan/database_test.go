package plan

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/databasesql"
)

func TestDatabase(t *testing.T) {
	drivers := databasesql.Library().Drivers
	for modules, want := range map[string]abi.Database{
		"":                        abi.DatabaseOtherSql,
		"example.com/driver":      abi.DatabaseOtherSql,
		"github.com/lib/pq":       abi.DatabasePostgresql,
		"github.com/jackc/pgx/v4": abi.DatabasePostgresql,
		"github.com/jackc/pgx/v5": abi.DatabasePostgresql,
		"github.com/jackc/pgx/v6": abi.DatabaseOtherSql,
		"github.com/jackc/pgconn": abi.DatabaseOtherSql,
		"modernc.org/sqlite":      abi.DatabaseSqlite,
		"github.com/go-sql-driver/mysql golang.org/x/net":                          abi.DatabaseMysql,
		"github.com/lib/pq github.com/jackc/pgx/v5":                                abi.DatabasePostgresql,
		"github.com/lib/pq github.com/mattn/go-sqlite3":                            abi.DatabaseOtherSql,
		"github.com/mattn/go-sqlite3 modernc.org/sqlite":                           abi.DatabaseSqlite,
		"github.com/jackc/pgx/v5 github.com/snowflakedb/gosnowflake":               abi.DatabaseOtherSql,
		"github.com/snowflakedb/gosnowflake":                                       abi.DatabaseOtherSql,
		"github.com/lib/pq github.com/go-sql-driver/mysql github.com/jackc/pgx/v5": abi.DatabaseOtherSql,
	} {
		var facts gobin.Facts
		for _, path := range strings.Fields(modules) {
			facts.Deps = append(facts.Deps, gobin.Module{Path: path, Version: "v1.0.0"})
		}
		if got := database(facts, drivers); got != want {
			t.Errorf("%q: %v, want %v", modules, got, want)
		}
	}
}
