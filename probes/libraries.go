package probes

import (
	"github.com/throughline/throughline/probes/runtime/go/databasesql"
	"github.com/throughline/throughline/probes/runtime/go/grpc"
	"github.com/throughline/throughline/probes/runtime/go/library"
	"github.com/throughline/throughline/probes/runtime/go/nethttp"
	"github.com/throughline/throughline/probes/runtime/go/otelsdk"
)

// GoLibraries are the libraries of Go programs that are probed.
func GoLibraries() []library.Library {
	return []library.Library{nethttp.Server(), nethttp.Client(), grpc.Server(), grpc.Client(), databasesql.Library(), otelsdk.Library()}
}
