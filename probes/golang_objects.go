package probes

import (
	"errors"
	"maps"
	"sync"

	"github.com/cilium/ebpf/btf"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/runtime/go/plan"
)

// A variant is an object for programs with OpenTelemetry's SDK, or for those without:
// the verifier walks what asks for the SDK's spans for half a second, which the targets
// that have none need not wait for.
type variant struct {
	object string
	sdk    bool
}

// hasSDK tells whether the programs that read the SDK's spans are needed.
func hasSDK(p *plan.Plan) bool { return p.Program.Field[abi.GoSdkSpanKind] != uint16(abi.GoAbsent) }

// variants are what a plan needs, each once.
func variants(p *plan.Plan) []variant {
	var all []variant
	seen := map[variant]bool{}
	for _, one := range p.Probes {
		v := variant{one.Object, hasSDK(p)}
		if !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	return all
}

// preload loads what executables need. What fails is tried again, and told, for the
// target that has it.
func (l *libraries) preload(executables []string, kernel *btf.Spec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kernel = kernel
	defer func() { l.kernel = nil }()
	for _, path := range executables {
		if program, err := l.program(path); err == nil {
			_ = l.loadAll(variants(program.plan))
		}
	}
}

// loadAll loads kernel programs when the first target needs them: their maps first, then
// side by side.
func (l *libraries) loadAll(all []variant) error {
	fresh := map[variant]*object{}
	for _, v := range all {
		if _, ok := l.objects[v]; ok {
			continue
		}
		set := maps.Clone(l.set)
		set["have_sdk"] = v.sdk
		o, err := readObject(v.object, set, nil)
		if err != nil {
			return err
		}
		if err := o.share(l.maps); err != nil {
			return err
		}
		fresh[v] = o
	}
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for v, o := range fresh {
		var kernel *btf.Spec
		if l.kernel != nil {
			kernel = l.kernel.Copy()
		}
		wait.Go(func() {
			err := o.load(l.maps, kernel)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			l.probes.add(o)
			l.objects[v] = o
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
