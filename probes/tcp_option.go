package probes

import "fmt"

// openOptionCarrier makes the loaded object "tcp_option" ready to carry joins to other
// hosts (bpf/tcp_option.bpf.c) from and to the targets of each cgroup that is added.
func (p *Probes) openOptionCarrier(o *object) error {
	if err := p.load(o); err != nil {
		return fmt.Errorf("loading what writes TCP options (it needs Linux 5.10): %w", err)
	}
	p.option = newCgroupHook(o, "carry_joins", p.log)
	return nil
}
