// Package chi declares the probe of github.com/go-chi/chi/v5, which finds routes.
package chi

import (
	"slices"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

const module = "github.com/go-chi/chi/v5"

// Library is one hit a request beside the server's, however many routers are one
// below the other: only the outermost takes a context from its pool, in (*Mux).ServeHTTP
// of mux.go, from v5.0 to v5.5. (*Context).Reset, which it calls then, is inlined.
func Library() library.Library {
	return library.Library{
		Name:   "chi",
		Object: "go_chi",
		Module: module,
		Probes: []library.Probe{{Program: "go_chi_serve", Function: module + ".(*Mux).ServeHTTP", Behind: "sync.(*Pool).Get", Results: 2}},
		Fields: slices.Concat(library.Runtime(), []library.Field{
			library.Of(module, abi.GoChiPatterns, module+".Context.RoutePatterns"),
		}),
	}
}
