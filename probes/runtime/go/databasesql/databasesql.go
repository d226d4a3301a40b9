// Package databasesql declares the probes of Go's database/sql.
package databasesql

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// Library is two hits a statement that returns no rows and three for others: where
// it begins, where rows are there, and where the connection is let go. A prepared one is
// also hit when it has its connection, if it returns no rows.
func Library() library.Library {
	const sql = "database/sql."
	return library.Library{
		Name:   "database/sql",
		Object: "go_sql",
		Probes: []library.Probe{
			{Program: "go_sql_put", Function: sql + "(*DB).putConn"},
			// A program may use queries, executions, or both.
			{Program: "go_sql_query", Function: sql + "(*DB).queryDC", Optional: true},
			{Program: "go_sql_exec", Function: sql + "(*DB).execDC", Optional: true},
			{Program: "go_sql_prepared", Function: sql + "(*Stmt).QueryContext", Optional: true},
			{Program: "go_sql_prepared", Function: sql + "(*Stmt).ExecContext", Optional: true},
			{Program: "go_sql_connected", Function: sql + "resultFromStatement", Optional: true},
			{Program: "go_sql_rows", Function: sql + "(*Rows).initContextClose", Optional: true},
			{Program: "go_sql_release", Function: sql + "(*Tx).closemuRUnlockRelease-fm", Optional: true},
			{Program: "go_sql_release", Function: sql + "(*Conn).closemuRUnlockCondReleaseConn-fm", Optional: true},
		},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			library.Std(abi.GoSqlStmtQuery, "database/sql.Stmt.query"),
		}),
		Drivers: drivers(),
	}
}
