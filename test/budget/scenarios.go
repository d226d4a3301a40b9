package main

import (
	"slices"
	"strings"
)

// A scenario is a traced service and what it does for each request.
type scenario struct {
	name string
	// serves is the way in which the traced service is asked; empty: it is told on
	// its standard input, and asks for itself.
	serves string
	// calls is the way in which it asks a service that is not traced, once a request.
	calls string
	// framework is the program of test/e2e/frameworks that is traced instead.
	framework string
	// limits are the hits that a request may have, by library.
	limits map[string]float64
}

// Names of the libraries, as their folders declare them.
const (
	httpServer = "net/http server"
	httpClient = "net/http client"
	grpcServer = "gRPC server"
	grpcClient = "gRPC client"
	database   = "database/sql"
)

// scenarios are all there are; each is a line, or several, of the table.
func scenarios() []scenario {
	serving, calling := map[string]float64{httpServer: 2}, map[string]float64{httpClient: 2}
	statement := map[string]float64{database: 3}
	return []scenario{
		{name: "HTTP/1.1 server", serves: "http", limits: serving},
		{name: "HTTP/1.1 server with a call", serves: "http", calls: "http", limits: map[string]float64{httpServer: 2, httpClient: 2}},
		{name: "gin", framework: "gin", limits: map[string]float64{httpServer: 2, "gin": 1}},
		{name: "echo", framework: "echo", limits: map[string]float64{httpServer: 2, "echo": 1}},
		{name: "chi", framework: "chi", limits: map[string]float64{httpServer: 2, "chi": 1}},
		{name: "gorilla/mux", framework: "mux", limits: map[string]float64{httpServer: 2, "gorilla/mux": 1}},
		{name: "HTTPS server", serves: "https", limits: serving},
		{name: "HTTPS client", calls: "https", limits: calling},
		{name: "HTTP/2 server", serves: "http2", limits: serving},
		{name: "HTTP/2 client", calls: "http2", limits: calling},
		{name: "gRPC server", serves: "grpc", limits: map[string]float64{grpcServer: 3}},
		{name: "gRPC client", calls: "grpc", limits: map[string]float64{grpcClient: 3}},
		{name: "SQL query", calls: "sql-query", limits: statement},
		{name: "SQL statement", calls: "sql-exec", limits: statement},
		{name: "SQL prepared query", calls: "sql-prepared-query", limits: statement},
		{name: "SQL prepared statement", calls: "sql-prepared-exec", limits: statement},
	}
}

// choose returns the scenarios whose names contain an element of the list, all
// if it is empty.
func choose(all []scenario, list string) []scenario {
	if list == "" {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(s scenario) bool {
		return !slices.ContainsFunc(strings.Split(list, ","), func(part string) bool { return strings.Contains(s.name, part) })
	})
}
