package probes

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
	"github.com/throughline/throughline/probes/process"
	"github.com/throughline/throughline/probes/process/runtime/golang"
)

// remembered is how long a target's description outlives it: what it did last
// is still on its way.
const remembered = 30 * time.Second

// Targets is the table of the processes that are looked at. It is safe for use
// by several goroutines.
type Targets struct {
	kernel *ebpf.Map
	log    *slog.Logger

	mu    sync.RWMutex
	known map[uint32]known
	wait  sync.WaitGroup
}

type known struct {
	process *process.Process
	gone    time.Time // zero while it runs
}

func newTargets(kernel *ebpf.Map, log *slog.Logger) *Targets {
	return &Targets{kernel: kernel, log: log, known: map[uint32]known{}}
}

// Add makes a process and those it forked targets. Errors are of package
// process where the process itself is the reason.
func (t *Targets) Add(p *process.Process) error {
	if err := t.add(p); err != nil {
		return err
	}
	for _, child := range children(p) {
		c, err := process.Read(child)
		if err == nil {
			err = t.Add(c)
		}
		if err != nil && !errors.Is(err, process.ErrNotFound) && !errors.Is(err, process.ErrExited) {
			return fmt.Errorf("adding child %d of process %d: %w", child, p.PID, err)
		}
	}
	return nil
}

func (t *Targets) add(p *process.Process) error {
	tgid := uint32(p.PID)
	var value abi.Target
	if err := t.kernel.Update(&tgid, &value, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("adding process %d to the targets: %w", p.PID, err)
	}
	t.remember(p)
	t.setTasks(p)
	if !p.Alive() {
		_ = t.kernel.Delete(&tgid)
		return &process.Error{PID: p.PID, Kind: process.ErrExited,
			Sentence: fmt.Sprintf("process %d exited while it was being attached to", p.PID)}
	}
	return nil
}

// setTasks tells the kernel how to find the goroutine, where there are any.
func (t *Targets) setTasks(p *process.Process) {
	goid, tls, err := golang.GoroutineOffsetsOf(p.ExecutableHandle())
	if err != nil || goid == 0 {
		return
	}
	tgid := uint32(p.PID)
	value := abi.Target{GoidOffset: goid, GTlsOffset: tls}
	if err := t.kernel.Update(&tgid, &value, ebpf.UpdateExist); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		t.log.Warn("telling the kernel of goroutines", "pid", p.PID, "error", err)
	}
}

func (t *Targets) remember(p *process.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[uint32(p.PID)] = known{process: p}
}

// Process returns a target, also for a while after it is gone.
func (t *Targets) Process(tgid uint32) (*process.Process, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	k, ok := t.known[tgid]
	return k.process, ok
}

// Running returns the number of targets that have not exited.
func (t *Targets) Running() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := 0
	for _, k := range t.known {
		if k.gone.IsZero() {
			n++
		}
	}
	return n
}

// Has tells whether a process is a target now.
func (t *Targets) Has(tgid uint32) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	k, ok := t.known[tgid]
	return ok && k.gone.IsZero()
}

// follow keeps the table true as targets fork, exec and exit. What is read of a
// process is read beside the ring, since executables can be large.
func (t *Targets) follow(ev *event.Event) {
	tgid := ev.Header.Tgid
	switch ev.Kind() {
	case abi.EventFork:
		t.inherit(tgid, ev.Process.Parent)
		t.inspect(tgid)
	case abi.EventExec:
		if ev.Process.IsTarget != 0 {
			t.inspect(tgid)
		}
	case abi.EventExit:
		t.exited(tgid)
	}
}

// inherit describes a child like its parent until more is known.
func (t *Targets) inherit(child, parent uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.known[parent]; ok {
		copied := *k.process
		copied.PID = int(child)
		t.known[child] = known{process: &copied}
	}
}

func (t *Targets) inspect(tgid uint32) {
	t.wait.Add(1)
	go func() {
		defer t.wait.Done()
		p, err := process.Read(int(tgid))
		if err != nil {
			return // its exit is an event of its own
		}
		t.mu.Lock()
		k, ok := t.known[tgid]
		if ok && k.gone.IsZero() {
			t.known[tgid] = known{process: p}
		}
		t.mu.Unlock()
		t.setTasks(p)
	}()
}

func (t *Targets) exited(tgid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if k, ok := t.known[tgid]; ok {
		k.gone = now
		t.known[tgid] = k
	}
	for id, k := range t.known {
		if !k.gone.IsZero() && now.Sub(k.gone) > remembered {
			delete(t.known, id)
		}
	}
}

// Close waits for what is still being read.
func (t *Targets) Close() { t.wait.Wait() }

// children returns the processes that p's threads forked, from
// /proc/PID/task/TID/children; none where the kernel does not tell.
func children(p *process.Process) []int {
	var found []int
	threads, err := process.FS{}.Threads(p.PID)
	if err != nil {
		return nil
	}
	for _, tid := range threads {
		text, err := os.ReadFile(p.Path("task", strconv.Itoa(tid), "children"))
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				found = append(found, pid)
			}
		}
	}
	return found
}
