package e2e

import _ "embed"

//go:embed testdata/service.js
var serviceJS string

// node serves everything from one event loop.
var node = program{
	name: "node http",
	start: func(r *rig, downstream string) *service {
		return r.service(command{args: []string{r.need("node"), r.write("service.js", serviceJS), "{address}", downstream}}, "")
	},
	traits: traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call", name: "service"},
}
