package probes

import (
	"slices"

	"github.com/throughline/throughline/probes/runtime/go/chi"
	"github.com/throughline/throughline/probes/runtime/go/databasesql"
	"github.com/throughline/throughline/probes/runtime/go/echo"
	"github.com/throughline/throughline/probes/runtime/go/gin"
	"github.com/throughline/throughline/probes/runtime/go/grpc"
	"github.com/throughline/throughline/probes/runtime/go/library"
	"github.com/throughline/throughline/probes/runtime/go/mux"
	"github.com/throughline/throughline/probes/runtime/go/nethttp"
	"github.com/throughline/throughline/probes/runtime/go/otelsdk"
)

// GoLibraries are the libraries of Go programs that are probed; write says whether
// this kernel lets programs write to a process.
func GoLibraries(write bool) []library.Library {
	all := []library.Library{
		nethttp.Server(), nethttp.Client(), nethttp.Context1(), nethttp.Context2(),
		grpc.Server(), grpc.Client(), grpc.Context(), databasesql.Library(),
		gin.Library(), echo.Library(), chi.Library(), mux.Library(), otelsdk.Library(),
	}
	return slices.DeleteFunc(all, func(l library.Library) bool { return l.Writes && !write })
}
