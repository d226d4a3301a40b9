package probes

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/sampling"
	"github.com/throughline/throughline/probes/process"
)

// compileSampling makes an object of testdata/sampling.bpf.c, as the Makefile makes the others.
func compileSampling(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading kernel programs needs root")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	clang := os.Getenv("CLANG")
	if clang == "" {
		clang = "clang-19"
	}
	if _, err := exec.LookPath(clang); errors.Is(err, exec.ErrNotFound) && os.Getenv("THROUGHLINE_VM") != "" {
		t.Skip("there is no compiler on this machine")
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	target := map[string]string{"amd64": "x86", "arm64": "arm64"}[runtime.GOARCH]
	object := filepath.Join(t.TempDir(), "sampling.o")
	out, err := exec.Command(clang, "-O2", "-g", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3", "-I/usr/include/"+machine+"-linux-gnu",
		"-D__TARGET_ARCH_"+target, "-c", "testdata/sampling.bpf.c", "-o", object).CombinedOutput()
	if err != nil {
		t.Fatalf("compiling: %v: %s", err, out)
	}
	return object
}

// A sampled is the kernel's side of a Sampling.
type sampled struct {
	*testing.T
	*ebpf.Collection
}

func loadSampling(t *testing.T, object string, s Sampling) sampled {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpec(object)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range s.settings() {
		if err := spec.Variables[name].Set(value); err != nil {
			t.Fatalf("setting %s: %v", name, err)
		}
	}
	spec.Maps["events"].MaxEntries = uint32(os.Getpagesize())
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return sampled{t, c}
}

const noParent = 0x100

// decide returns the flags and the mark of a span.
func (s sampled) decide(trace [16]byte, came uint64) (flags byte, mark abi.SamplingMark) {
	s.Helper()
	arguments := []uint64{binary.NativeEndian.Uint64(trace[:8]), binary.NativeEndian.Uint64(trace[8:]), came}
	result, err := s.Programs["decide"].Run(&ebpf.RunOptions{Context: arguments})
	if err != nil {
		s.Fatal(err)
	}
	return byte(result), abi.SamplingMark(result >> 8)
}

func (s sampled) member() string {
	s.Helper()
	var text [samplingMemberMax]byte
	var length uint32
	if err := errors.Join(s.Variables["member"].Get(&text), s.Variables["member_len"].Get(&length)); err != nil {
		s.Fatal(err)
	}
	return string(text[:length])
}

// TestKernelSamples: the kernel decides as internal/sampling does, for every sampler, with a parent and without.
func TestKernelSamples(t *testing.T) {
	object := compileSampling(t)
	random := rand.New(rand.NewPCG(7, 11))
	for _, name := range []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"} {
		for _, ratio := range []string{"0", "0.001", "0.25", "0.5", "1"} {
			sampler, err := sampling.FromEnvironment(func(key string) string {
				return map[string]string{"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": ratio}[key]
			})
			if err != nil {
				t.Fatal(err)
			}
			s := loadSampling(t, object, Sampling{Sampler: sampler})
			const n = 2000
			roots := 0
			for range n {
				var trace [16]byte
				binary.BigEndian.PutUint64(trace[:], random.Uint64())
				binary.BigEndian.PutUint64(trace[8:], random.Uint64())
				for came, want := range map[uint64]bool{
					noParent: sampler.Root(trace), 0: sampler.Adopted(trace, false), 1: sampler.Adopted(trace, true), 2: sampler.Adopted(trace, false),
				} {
					flags, mark := s.decide(trace, came)
					told := want && sampler.Ratio && (came == noParent || !sampler.ParentBased)
					if flags&1 != 0 != want || flags&^1 != byte(came)&2 || mark&abi.SamplingByRatio != 0 != told {
						t.Fatalf("%s %s: trace %x with %x is %b, mark %b; want sampled %t, told %t", name, ratio, trace, came, flags, mark, want, told)
					}
					member := ""
					if told {
						member = "ot=th:" + sampler.Told()
					}
					if got := s.member(); got != member {
						t.Fatalf("%s %s: tracestate member %q, want %q", name, ratio, got, member)
					}
					if came == noParent && want {
						roots++
					}
				}
			}
			p := float64(sampling.Range-sampler.Threshold) / sampling.Range
			if within := 5 * math.Sqrt(n*p*(1-p)); math.Abs(float64(roots)-n*p) > within {
				t.Errorf("%s %s: %d of %d roots", name, ratio, roots, n)
			}
		}
	}
}

// TestKernelLimits: traces that begin, over all CPUs, are no more than the limit and what was saved up; others are not
// limited.
func TestKernelLimits(t *testing.T) {
	object := compileSampling(t)
	const perSecond = 200
	s := loadSampling(t, object, Sampling{Sampler: sampling.Sampler{Ratio: true, Threshold: 0}, MaxPerSecond: perSecond})
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		taken int
	)
	began := time.Now()
	for range 4 {
		wait.Go(func() {
			for time.Since(began) < 1500*time.Millisecond {
				flags, mark := s.decide([16]byte{}, noParent)
				if mark != 0 {
					t.Error("a probability is told under a limit")
					return
				}
				if flags&1 != 0 {
					mu.Lock()
					taken++
					mu.Unlock()
				}
				if adopted, _ := s.decide([16]byte{}, 1); adopted&1 == 0 {
					t.Error("a span with a parent is limited")
					return
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(began).Seconds()
	least, most := perSecond*took+perSecond*0.9, perSecond*took+perSecond+2*float64(runtime.NumCPU())
	if float64(taken) < least || float64(taken) > most {
		t.Errorf("%d traces began in %.2f s, want %.0f to %.0f", taken, took, least, most)
	}
	if got := s.member(); got != "" {
		t.Errorf("tracestate member %q", got)
	}
}

// Each service has an index; those for which there is no room share one.
func TestServices(t *testing.T) {
	name := ""
	s := newServices(func(*process.Process) string { return name })
	seen := map[uint32]int{}
	for i := range maxServices + 10 {
		name = string(rune('a' + i))
		index := s.index(nil)
		seen[index]++
		if index >= maxServices || s.index(nil) != index {
			t.Fatalf("service %d has index %d, then %d", i, index, s.index(nil))
		}
	}
	if len(seen) != maxServices || seen[0] != 11 {
		t.Errorf("%d indices, %d services share one", len(seen), seen[0])
	}
	if got := newServices(nil).index(nil); got != 0 {
		t.Errorf("without names: %d", got)
	}
}

// TestSamplingLoads: the verifier takes what only some samplers have the programs do. The budget is for the others.
func TestSamplingLoads(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("loading kernel programs needs root")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Sampling{
		{Sampler: sampling.Sampler{Ratio: true, Threshold: sampling.Range / 2}, MaxPerSecond: 100},
		{Sampler: sampling.Sampler{ParentBased: true, Ratio: true, Threshold: sampling.Range / 2}, ReportUnsampled: true},
	} {
		set, err := Config{Sampling: s}.settings()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range objectNames() {
			if err := loadAlone(name, set); err != nil {
				for _, c := range refused(t, name, err) {
					t.Logf("%s is absent: %v", c.key(), refusal(c.absent))
				}
			}
		}
	}
}

// loadAlone loads an object over maps of its own.
func loadAlone(name string, set settings) error {
	set["have_sdk"] = true // the costlier variant
	shared := map[string]*ebpf.Map{}
	defer func() {
		for _, m := range shared {
			m.Close()
		}
	}()
	o, err := readObject(name, set, nil)
	if err == nil {
		err = o.share(shared)
	}
	if err == nil {
		err = o.load(shared, nil)
	}
	if err != nil {
		return err
	}
	return o.Close()
}
