package probes

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/throughline/throughline/internal/sampling"
	"github.com/throughline/throughline/probes/process"
)

// Sampling says which traces are sampled and what becomes of the others. The zero value reports everything.
type Sampling struct {
	Sampler sampling.Sampler
	// MaxPerSecond is how many traces each service may begin in a second; 0: any number.
	MaxPerSecond float64
	// ReportUnsampled makes events of what is not sampled too.
	ReportUnsampled bool
	// Service names a process's service, for MaxPerSecond; nil: all processes are one.
	Service func(*process.Process) string
}

const (
	flagSampled = 1 // of trace-flags
	// leastPerSecond is one trace an hour: below it a limit is more likely a mistake.
	leastPerSecond = 1.0 / 3600
)

func (s Sampling) validate() error {
	if s.MaxPerSecond != 0 && !(s.MaxPerSecond >= leastPerSecond && s.MaxPerSecond <= float64(time.Second)) {
		return fmt.Errorf("traces cannot be limited to %v a second: use a number from one an hour (%.4f) to 1e9, or 0 for no limit",
			s.MaxPerSecond, leastPerSecond)
	}
	return nil
}

// settings are the variables of bpf/sampling.h.
func (s Sampling) settings() settings {
	var member [samplingMemberMax]byte
	length := 0
	if th := s.Sampler.Told(); th != "" && s.MaxPerSecond == 0 {
		length = copy(member[:], sampling.MemberKey+"="+sampling.ThresholdKey+":"+th)
	}
	set := settings{
		"sampler_threshold":    s.Sampler.Threshold,
		"sampler_parent_based": s.Sampler.ParentBased,
		"sampler_ratio":        s.Sampler.Ratio,
		"report_unsampled":     s.ReportUnsampled,
		"sampling_member":      member,
		"sampling_member_len":  uint32(length),
		"root_interval":        uint64(0),
	}
	if s.MaxPerSecond > 0 {
		interval := uint64(math.Round(float64(time.Second) / s.MaxPerSecond))
		set["root_interval"] = interval
		set["root_burst"] = max(interval, uint64(time.Second))
	}
	return set
}

const (
	samplingMemberMax = 24   // SAMPLING_MEMBER_MAX in bpf/sampling.h
	maxServices       = 1024 // SERVICES in bpf/abi.h
)

// services gives each service its index in the kernel's table. It is safe for use by several goroutines.
type services struct {
	name func(*process.Process) string

	mu      sync.Mutex
	indices map[string]uint32
}

func newServices(name func(*process.Process) string) *services {
	return &services{name: name, indices: map[string]uint32{}}
}

// index returns 0, which is shared, for services beyond the table's size.
func (s *services) index(p *process.Process) uint32 {
	if s.name == nil {
		return 0
	}
	name := s.name(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.indices[name]; ok {
		return i
	}
	if len(s.indices)+1 >= maxServices {
		return 0
	}
	i := uint32(len(s.indices) + 1)
	s.indices[name] = i
	return i
}
