// Package mux declares the probe of github.com/gorilla/mux, which finds routes.
package mux

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const module = "github.com/gorilla/mux"

// Library is one hit a request beside the server's: where (*Router).ServeHTTP in
// mux.go puts the route that it found into the request, from v1.7.4 to v1.8.1.
func Library() library.Library {
	return library.Library{
		Name:   "gorilla/mux",
		Object: "go_mux",
		Module: module,
		Probes: []library.Probe{{Program: "go_mux_matched", Function: module + ".requestWithRoute"}},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			library.Of(module, abi.GoMuxPath, module+".Route.routeConf "+module+".routeConf.regexp "+module+".routeRegexpGroup.path"),
			library.Of(module, abi.GoMuxTemplate, module+".routeRegexp.template"),
			library.Of(module, abi.GoMuxType, module+".routeRegexp.regexpType"),
		}),
	}
}
