package plan

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/runtime/go/library"
)

// database is what all drivers that are linked in are for. With several databases
// nobody tells which one a statement goes to.
func database(facts gobin.Facts, drivers []library.Driver) abi.Database {
	found, any := abi.DatabaseOtherSql, false
	for _, d := range drivers {
		if _, ok := facts.Module(d.Module); !ok {
			continue
		}
		if any && d.System != found {
			return abi.DatabaseOtherSql
		}
		found, any = d.System, true
	}
	return found
}
