package databasesql

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/bpf/abi"
)

// systems returns db.system.name by the number that the agent gives a program.
func systems() []attribute.KeyValue {
	return []attribute.KeyValue{
		abi.DatabaseOtherSql:           semconv.DBSystemNameOtherSQL,
		abi.DatabasePostgresql:         semconv.DBSystemNamePostgreSQL,
		abi.DatabaseMysql:              semconv.DBSystemNameMySQL,
		abi.DatabaseSqlite:             semconv.DBSystemNameSQLite,
		abi.DatabaseMicrosoftSqlServer: semconv.DBSystemNameMicrosoftSQLServer,
		abi.DatabaseOracleDb:           semconv.DBSystemNameOracleDB,
		abi.DatabaseClickhouse:         semconv.DBSystemNameClickHouse,
		abi.DatabaseFirebirdsql:        semconv.DBSystemNameFirebirdSQL,
		abi.DatabaseSapHana:            semconv.DBSystemNameSAPHANA,
		abi.DatabaseTrino:              semconv.DBSystemNameTrino,
		abi.DatabaseGcpSpanner:         semconv.DBSystemNameGCPSpanner,
		abi.DatabaseIbmDb2:             semconv.DBSystemNameIBMDB2,
	}
}

// system is that of a call; a number of tomorrow is any other.
func (d *Decoder) system(number uint16) attribute.KeyValue {
	if int(number) >= len(d.systems) {
		return semconv.DBSystemNameOtherSQL
	}
	return d.systems[number]
}
