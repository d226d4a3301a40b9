package correlate

import (
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/throughline/throughline/probes/process"
)

// Processes finds a traced process by its number in the initial pid namespace.
type Processes func(tgid uint32) (*process.Process, bool)

// resources keeps the resource of each process, which costs more to make than
// a span. It is used by one goroutine.
type resources struct {
	find    Processes
	options process.ResourceOptions
	known   map[uint32]described
}

type described struct {
	process  *process.Process
	resource *resource.Resource
}

// maxDescribed bounds the table; processes come and go.
const maxDescribed = 4096

func (r *resources) of(tgid uint32) *resource.Resource {
	p, ok := r.find(tgid)
	if !ok {
		return resource.Empty()
	}
	if d, ok := r.known[tgid]; ok && d.process == p {
		return d.resource
	}
	if len(r.known) >= maxDescribed {
		clear(r.known)
	}
	d := described{process: p, resource: p.Resource(r.options)}
	r.known[tgid] = d
	return d.resource
}
