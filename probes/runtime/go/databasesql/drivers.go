package databasesql

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// drivers are those that https://go.dev/wiki/SQLDrivers lists and that are in use,
// by their modules. A database that has no name of its own in the semantic conventions
// is DatabaseOtherSql, and in a program beside another one makes that uncertain too.
func drivers() []library.Driver {
	return []library.Driver{
		{Module: "github.com/lib/pq", System: abi.DatabasePostgresql},
		{Module: "github.com/jackc/pgx", System: abi.DatabasePostgresql},
		{Module: "github.com/jackc/pgx/v4", System: abi.DatabasePostgresql},
		{Module: "github.com/jackc/pgx/v5", System: abi.DatabasePostgresql},
		{Module: "github.com/uptrace/bun/driver/pgdriver", System: abi.DatabasePostgresql},

		{Module: "github.com/go-sql-driver/mysql", System: abi.DatabaseMysql},

		{Module: "github.com/mattn/go-sqlite3", System: abi.DatabaseSqlite},
		{Module: "github.com/ncruces/go-sqlite3", System: abi.DatabaseSqlite},
		{Module: "github.com/glebarez/go-sqlite", System: abi.DatabaseSqlite},
		{Module: "modernc.org/sqlite", System: abi.DatabaseSqlite},

		{Module: "github.com/microsoft/go-mssqldb", System: abi.DatabaseMicrosoftSqlServer},
		{Module: "github.com/denisenkom/go-mssqldb", System: abi.DatabaseMicrosoftSqlServer},

		{Module: "github.com/sijms/go-ora", System: abi.DatabaseOracleDb},
		{Module: "github.com/sijms/go-ora/v2", System: abi.DatabaseOracleDb},
		{Module: "github.com/godror/godror", System: abi.DatabaseOracleDb},
		{Module: "github.com/mattn/go-oci8", System: abi.DatabaseOracleDb},

		{Module: "github.com/ClickHouse/clickhouse-go", System: abi.DatabaseClickhouse},
		{Module: "github.com/ClickHouse/clickhouse-go/v2", System: abi.DatabaseClickhouse},
		{Module: "github.com/nakagami/firebirdsql", System: abi.DatabaseFirebirdsql},
		{Module: "github.com/SAP/go-hdb", System: abi.DatabaseSapHana},
		{Module: "github.com/trinodb/trino-go-client", System: abi.DatabaseTrino},
		{Module: "github.com/googleapis/go-sql-spanner", System: abi.DatabaseGcpSpanner},
		{Module: "github.com/ibmdb/go_ibm_db", System: abi.DatabaseIbmDb2},

		{Module: "github.com/alexbrainman/odbc", System: abi.DatabaseOtherSql},
		{Module: "github.com/databricks/databricks-sql-go", System: abi.DatabaseOtherSql},
		{Module: "github.com/duckdb/duckdb-go/v2", System: abi.DatabaseOtherSql},
		{Module: "github.com/marcboeker/go-duckdb", System: abi.DatabaseOtherSql},
		{Module: "github.com/marcboeker/go-duckdb/v2", System: abi.DatabaseOtherSql},
		{Module: "github.com/prestodb/presto-go-client", System: abi.DatabaseOtherSql},
		{Module: "github.com/snowflakedb/gosnowflake", System: abi.DatabaseOtherSql},
		{Module: "github.com/vertica/vertica-sql-go", System: abi.DatabaseOtherSql},
	}
}
