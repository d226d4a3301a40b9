// Package probes is the agent's side of the kernel programs: it loads and
// attaches them, chooses the flavour of the socket source, says who is a
// target, and reads what they report. Nothing else writes kernel maps.
package probes

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
)

// Config says how to hook and what to hold. The zero value is the default.
type Config struct {
	// Flavour forces one flavour of the socket source by name; "" or "auto"
	// takes the first that works.
	Flavour string
	// NoInject leaves every byte that targets send as it is.
	NoInject bool
	// NoJoin does not look for who, on this host, sent a request that has no header.
	NoJoin bool
	// TCPOption carries joins to other hosts in a TCP option.
	TCPOption bool
	// NoInjectBlocking leaves out the sockets on which the target blocks: a
	// blocked receive that is woken by something other than data would end with
	// EAGAIN instead of what has happened (net/ipv4/tcp_bpf.c).
	NoInjectBlocking bool
	// Discover makes every exec and every listening socket of the host an event.
	Discover bool
	// RingBytes is the size of the ring, a power of two of at least a page;
	// 0 means 8 MiB. The agent's memory holds it twice.
	RingBytes uint32
	// GoTargets are executables of Go programs that will be targets: what they need
	// is loaded at once, and not when the first one comes.
	GoTargets []string
	// CaptureBytes is how much of a turn is copied, 512 to 4096; 0 means 4096.
	CaptureBytes uint32
	// Sampling says which requests cost an event.
	Sampling Sampling
	// Propagators are the formats of trace context that are read and written, in
	// order of precedence; nil means the default, an empty list none.
	Propagators propagation.Formats
}

const (
	defaultRingBytes    = 8 << 20
	defaultCaptureBytes = 4096
	minCaptureBytes     = 512 // a request line has to be among them
	wakeShare           = 16  // the reader is woken when 1/16 of the ring is full
)

// Validate says in one sentence what is wrong with the configuration.
func (c Config) Validate() error {
	if _, err := flavoursNamed(c.Flavour); err != nil {
		return err
	}
	if c.RingBytes != 0 && (c.RingBytes&(c.RingBytes-1) != 0 || int(c.RingBytes) < os.Getpagesize()) {
		return fmt.Errorf("a ring of %d bytes cannot be made: use a power of two of at least %d", c.RingBytes, os.Getpagesize())
	}
	if c.TCPOption && c.NoJoin {
		return errors.New("a TCP option has nothing to carry: use propagation auto or joins with it")
	}
	if c.CaptureBytes != 0 && (c.CaptureBytes < minCaptureBytes || c.CaptureBytes > defaultCaptureBytes) {
		return fmt.Errorf("%d bytes of a turn cannot be captured: use %d to %d", c.CaptureBytes, minCaptureBytes, defaultCaptureBytes)
	}
	return c.Sampling.validate()
}

// Probes holds everything that the agent has in the kernel.
type Probes struct {
	log     *slog.Logger
	flavour Flavour
	maps    map[string]*ebpf.Map
	kernel  *btf.Spec // only while loading
	targets *Targets
	reader  *ringbuf.Reader
	// libraries are probed in the targets that have them; nil until Open.
	libraries *libraries
	inject    *injector   // nil: nothing is injected
	option    *cgroupHook // nil: nothing is carried to other hosts
	waiting   *waiting

	malformed atomic.Uint64
	// reportUnsampled: what is not sampled is reported too.
	reportUnsampled bool
	// told are the calls whose end was told before their hook: by span, used by
	// Run alone.
	told map[[8]uint8]struct{}

	mu      sync.Mutex
	objects []*object
	last    counted // the counters as they were at Close
	closed  bool
}

// Open loads and attaches the kernel programs; until a target is added they do
// nothing. Close must be called.
func Open(c Config, log *slog.Logger) (*Probes, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil { // kernels before 5.11
		return nil, permission(err)
	}
	p := &Probes{log: log, maps: map[string]*ebpf.Map{}, told: map[[8]uint8]struct{}{}, reportUnsampled: c.Sampling.ReportUnsampled}
	if err := p.open(c); err != nil {
		p.Close()
		return nil, permission(err)
	}
	return p, nil
}

func (p *Probes) open(c Config) error {
	set, err := c.settings()
	if err != nil {
		return err
	}
	p.waiting = &waiting{}
	if c.injects() || !c.NoJoin { // sockets may be in a sockmap for either
		p.waiting = newWaiting(p.log)
	}
	set["inject_careful"] = p.waiting.hidden
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return fmt.Errorf("reading the kernel's types (it has to be built with CONFIG_DEBUG_INFO_BTF): %w", err)
	}
	p.kernel = kernel
	defer func() { p.kernel = nil }()
	if err := p.openSource(c, set); err != nil {
		return err
	}
	p.targets = newTargets(p.maps["targets"], p.libraries, newServices(c.Sampling.Service), p.waiting, p.log)
	p.reader, err = ringbuf.NewReader(p.maps["events"])
	if err != nil {
		return fmt.Errorf("opening the ring: %w", err)
	}
	return nil
}

func (c Config) propagators() propagation.Formats {
	if c.Propagators == nil {
		return propagation.Default()
	}
	return c.Propagators
}

// injects tells whether anything is put on the wire.
func (c Config) injects() bool { return !c.NoInject && len(c.propagators()) > 0 }

func (c Config) settings() (settings, error) {
	ring, capture := c.RingBytes, c.CaptureBytes
	if ring == 0 {
		ring = defaultRingBytes
	}
	if capture == 0 {
		capture = defaultCaptureBytes
	}
	set, err := contextSettings(c.propagators())
	if err != nil {
		return nil, err
	}
	maps.Copy(set, settings{
		"ring_bytes":    ring,
		"wake_bytes":    uint64(ring / wakeShare),
		"capture_limit": capture,
		"uprobe_multi":  haveUprobeMulti(),
		"announce_all":  c.Discover,

		"joining":         !c.NoJoin,
		"pushing":         c.injects(),
		"inject_blocking": !c.NoInjectBlocking,
		// Into a program's memory a traceparent alone is written.
		"write_user": c.injects() && c.propagators().Has(propagation.TraceContext) && haveWriteUser(),
	})
	maps.Copy(set, c.Sampling.settings())
	return set, nil
}

// openSource loads what every target needs, side by side: most of the time the
// kernel's verifier is at work.
func (p *Probes) openSource(c Config, set settings) error {
	life, err := p.share("life", set)
	if err != nil {
		return err
	}
	var inject, joinFirst, option *object
	if c.injects() {
		if inject, err = p.share("inject", set); err != nil {
			return err
		}
	}
	if !c.NoJoin {
		if joinFirst, err = p.share(joinHooks()[0].Object, set); err != nil {
			return err
		}
	}
	if c.TCPOption {
		if option, err = p.share("tcp_option", set); err != nil {
			return err
		}
	}
	flavours, err := flavoursNamed(c.Flavour)
	if err != nil {
		return err
	}
	first, err := p.share(flavours[0].Object, set)
	if err != nil {
		return err
	}
	var (
		refused               FlavourError
		join                  joiner
		wait                  sync.WaitGroup
		lifeFailed, notInject error
		notCarry              error
	)
	wait.Go(func() {
		if lifeFailed = p.load(life); lifeFailed == nil {
			lifeFailed = life.attach()
		}
	})
	if inject != nil {
		wait.Go(func() { notInject = p.openInjector(inject, c) })
	}
	if joinFirst != nil {
		wait.Go(func() { join.try(p, joinHooks()[0], joinFirst) })
	}
	if option != nil {
		wait.Go(func() { notCarry = p.openOptionCarrier(option) })
	}
	p.libraries = newLibraries(p, set)
	types := p.kernel.Copy()
	wait.Go(func() { p.libraries.preload(c.GoTargets, types) })
	chosen := p.tryFlavour(flavours[0], first, &refused)
	wait.Wait()
	for _, f := range flavours[1:] {
		if chosen {
			break
		}
		o, err := p.share(f.Object, set)
		if err != nil {
			return err
		}
		chosen = p.tryFlavour(f, o, &refused)
	}
	if !chosen {
		return errors.Join(&refused, lifeFailed)
	}
	if notInject != nil {
		p.log.Warn("no trace context is put on the wire", "error", notInject)
	}
	if notCarry != nil {
		p.log.Warn("no trace context is carried to other hosts", "error", notCarry)
	}
	if !c.NoJoin {
		if err := p.openJoiner(&join, c, set); err != nil {
			return err
		}
	}
	return lifeFailed
}

// openInjector loads and attaches what looks at messages, and injects.
func (p *Probes) openInjector(inject *object, c Config) (err error) {
	if err = p.load(inject); err == nil {
		p.inject, err = newInjector(inject, c.NoInjectBlocking, p.log)
	}
	return err
}

// openJoiner finds who leaves joins if the first hook does not. Where none can, what
// injects does, and if nothing is to be injected it looks and adds nothing.
func (p *Probes) openJoiner(join *joiner, c Config, set settings) error {
	if err := join.tryOthers(p, set); err != nil {
		return err
	}
	if join.hook != "" {
		p.log.Debug("requests in clear text are joined", "hook", join.hook)
		return nil
	}
	if p.inject == nil {
		looker, err := p.share("inject", set)
		if err != nil {
			return err
		}
		if err := p.openInjector(looker, c); err != nil {
			p.log.Warn("requests in clear text are not joined", "error", errors.Join(join.why(), err))
			return nil
		}
	}
	p.log.Info("requests in clear text are joined on sockets in the sockmap alone", "reason", join.why())
	return nil
}

// share reads an object and makes the maps that it has alone so far.
func (p *Probes) share(name string, set settings) (*object, error) {
	o, err := readObject(name, set, p.kernel)
	if err != nil {
		return nil, err
	}
	return o, o.share(p.maps)
}

// load loads an object that has its maps.
func (p *Probes) load(o *object) error {
	var kernel *btf.Spec
	if p.kernel != nil {
		kernel = p.kernel.Copy() // others load at the same time
	}
	if err := o.load(p.maps, kernel); err != nil {
		return err
	}
	p.add(o)
	return nil
}

// add makes the object one that is counted, and closed in the end.
func (p *Probes) add(o *object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects = append(p.objects, o)
}

// tryFlavour loads and attaches a flavour, or notes why that is refused.
func (p *Probes) tryFlavour(f Flavour, o *object, refused *FlavourError) bool {
	err := p.load(o)
	if err == nil {
		err = o.attach()
	}
	if err == nil {
		p.flavour = f
		return true
	}
	p.unload(o)
	p.log.Debug("flavour refused", "flavour", f.Name, "error", err)
	refused.Tried = append(refused.Tried, f)
	refused.Causes = append(refused.Causes, err)
	return false
}

// unload takes an object out of the kernel again.
func (p *Probes) unload(o *object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.objects = slices.DeleteFunc(p.objects, func(other *object) bool { return other == o })
	if err := o.Close(); err != nil {
		p.log.Warn("detaching", "object", o.name, "error", err)
	}
}

// unloadAll takes everything out of the kernel.
func (p *Probes) unloadAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.objects {
		if err := o.Close(); err != nil {
			p.log.Warn("detaching", "object", o.name, "error", err)
		}
	}
	p.objects = nil
	for _, m := range p.maps {
		m.Close()
	}
	p.maps = map[string]*ebpf.Map{}
}

// permission turns a refusal into the sentence a user can act on.
func permission(err error) error {
	if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
		return fmt.Errorf("kernel programs may not be loaded by this user: run as root, or give the binary "+
			"CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (before kernel 5.11 CAP_SYS_RESOURCE too), for other users' "+
			"processes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, the latter also for the flavours kprobe and syscall: %w", err)
	}
	return err
}

// Flavour returns the flavour in use.
func (p *Probes) Flavour() Flavour { return p.flavour }

// Targets returns the table of targets.
func (p *Probes) Targets() *Targets { return p.targets }

// Conn reads the kernel's counts of a connection.
func (p *Probes) Conn(sock uint64) (abi.Conn, bool) {
	var c abi.Conn
	err := p.maps["conns"].Lookup(&sock, &c)
	return c, err == nil
}

// Close detaches everything. Nothing of the agent stays in the kernel.
func (p *Probes) Close() error {
	var errs []error
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.last = p.countLocked()
		p.closed = true
	}
	p.mu.Unlock()
	if closed {
		return nil
	}
	if p.inject != nil {
		errs = append(errs, p.inject.Close())
	}
	if p.option != nil {
		errs = append(errs, p.option.Close())
	}
	if p.targets != nil {
		p.targets.Close()
	}
	if p.libraries != nil {
		p.libraries.Close()
	}
	if p.reader != nil {
		errs = append(errs, p.reader.Close())
	}
	p.unloadAll()
	return errors.Join(errs...)
}
