package probes

import "errors"

// joinHooks are the ways to look at what a target sends before it leaves, the cheapest
// first. All share bpf/join_send.h.
func joinHooks() []Flavour {
	return []Flavour{
		{Name: "tracepoint", Object: "join_tracepoint"},
		{Name: "fentry", Object: "join_fentry"},
		{Name: "kprobe", Object: "join_kprobe"},
	}
}

// A joiner chooses the hook by which joins are left for requests in clear text.
type joiner struct {
	hook string // "": none so far
	errs []error
}

// try takes the hook whose object is given, unless there is one.
func (j *joiner) try(p *Probes, hook Flavour, o *object) {
	if j.hook != "" {
		return
	}
	err := p.load(o)
	if err == nil {
		err = o.attach()
	}
	if err != nil {
		p.unload(o)
		j.errs = append(j.errs, err)
		return
	}
	j.hook = hook.Name
}

// tryOthers tries the hooks behind the first one.
func (j *joiner) tryOthers(p *Probes, set settings) error {
	for _, hook := range joinHooks()[1:] {
		if j.hook != "" {
			return nil
		}
		o, err := p.share(hook.Object, set)
		if err != nil {
			return err
		}
		j.try(p, hook, o)
	}
	return nil
}

// why says why there is no hook.
func (j *joiner) why() error { return errors.Join(j.errs...) }
