// Package echo declares the probe of github.com/labstack/echo/v4, which finds routes.
package echo

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const module = "github.com/labstack/echo/v4"

// Library is one hit a request beside the server's: where echo begins to route, with
// a context that it has reset. (*Router).Find in router.go has been the same function from
// v4.5 to v4.16.
func Library() library.Library {
	return library.Library{
		Name:   "echo",
		Object: "go_echo",
		Module: module,
		Probes: []library.Probe{{Program: "go_echo_find", Function: module + ".(*Router).Find"}},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			library.Of(module, abi.GoEchoPath, module+".context.path"),
		}),
	}
}
