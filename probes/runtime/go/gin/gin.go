// Package gin declares the probe of github.com/gin-gonic/gin, which finds routes.
package gin

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const module = "github.com/gin-gonic/gin"

// Library is one hit a request beside the server's: where gin begins to route, with
// a context that it has reset. (*Engine).ServeHTTP in gin.go has been the same from v1.7
// to v1.12.
func Library() library.Library {
	return library.Library{
		Name:   "gin",
		Object: "go_gin",
		Module: module,
		Probes: []library.Probe{{Program: "go_gin_handle", Function: module + ".(*Engine).handleHTTPRequest"}},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			library.Of(module, abi.GoGinFullPath, module+".Context.fullPath"),
		}),
	}
}
