package correlate

import (
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/throughline/throughline/correlate/metrics"
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
	service  string
	measured *resource.Resource // what its metrics are of
}

// maxDescribed bounds the table; processes come and go.
const maxDescribed = 4096

func (r *resources) of(tgid uint32) described {
	p, ok := r.find(tgid)
	if !ok {
		return described{resource: resource.Empty(), measured: resource.Empty()}
	}
	if d, ok := r.known[tgid]; ok && d.process == p {
		return d
	}
	if len(r.known) >= maxDescribed {
		clear(r.known)
	}
	d := described{process: p, resource: p.Resource(r.options)}
	d.measured = metrics.Resource(d.resource, p.InstanceID(r.options.Host))
	if name, ok := d.resource.Set().Value(semconv.ServiceNameKey); ok {
		d.service = name.AsString()
	}
	r.known[tgid] = d
	return d
}
