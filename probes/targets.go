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
	kernel    *ebpf.Map
	libraries *libraries
	services  *services
	waiting   *waiting
	log       *slog.Logger

	mu    sync.RWMutex
	known map[uint32]known
	turns turns
	wait  sync.WaitGroup
}

type known struct {
	process *process.Process
	gone    time.Time // zero while it runs
}

func newTargets(kernel *ebpf.Map, libraries *libraries, services *services, waiting *waiting, log *slog.Logger) *Targets {
	return &Targets{kernel: kernel, libraries: libraries, services: services, waiting: waiting, log: log, known: map[uint32]known{}}
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
	// Until it is known what its tasks are, none gives a parent.
	unsettled := abi.Target{Service: t.services.index(p), NoInject: number(t.waiting.hidden)}
	if err := t.kernel.Update(&tgid, &unsettled, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("adding process %d to the targets: %w", p.PID, err)
	}
	t.remember(p)
	if turn, ok := t.turns.take(tgid); ok {
		t.setTasks(p, turn)
		t.next(tgid, turn)
	}
	if !p.Alive() {
		_ = t.kernel.Delete(&tgid)
		return &process.Error{PID: p.PID, Kind: process.ErrExited,
			Sentence: fmt.Sprintf("process %d exited while it was being attached to", p.PID)}
	}
	return nil
}

// setTasks tells the kernel how to find the goroutine, and where there are none
// that there are none. What another program may have brought is not told.
func (t *Targets) setTasks(p *process.Process, turn uint64) {
	tgid := uint32(p.PID)
	before, _ := os.Readlink(p.ExecutableHandle())
	asks := t.waiting.concerns(p)
	if t.waiting.hidden && !asks && t.turns.is(tgid, turn) {
		t.tell(tgid, &abi.Target{Service: t.services.index(p)}) // at once: what follows takes its time
	}
	goid, tls, err := golang.GoroutineOffsetsOf(p.ExecutableHandle())
	if err != nil && !errors.Is(err, golang.ErrNotGo) {
		if errors.Is(err, os.ErrNotExist) {
			return // it is gone
		}
		t.log.Warn("requests of a Go program get no parent", "pid", p.PID, "reason", err)
		return // goroutines move between threads, which tell nothing then
	}
	if after, _ := os.Readlink(p.ExecutableHandle()); after != before || !t.turns.is(tgid, turn) {
		return // the exec is an event of its own
	}
	value := abi.Target{
		GoidOffset: goid, GTlsOffset: tls, Settled: 1, Service: t.services.index(p), NoInject: number(asks),
	}
	if goid != 0 {
		value.Program = t.libraries.attach(p)
	}
	t.tell(tgid, &value)
}

// Expect says that a target is about to execute p.Executable, so that it need not be looked
// at first.
func (t *Targets) Expect(p *process.Process) {
	if !t.waiting.hidden || asksWaiting(p.Executable) {
		return
	}
	tgid := uint32(p.PID)
	var value abi.Target
	if err := t.kernel.Lookup(&tgid, &value); err == nil { // else it is gone
		value.NextKnown = 1
		t.tell(tgid, &value)
	}
}

// tell says what is known of a target, if it is one still.
func (t *Targets) tell(tgid uint32, value *abi.Target) {
	if err := t.kernel.Update(&tgid, value, ebpf.UpdateExist); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		t.log.Warn("telling the kernel of a target", "pid", tgid, "error", err)
	}
}

// number is a bool as the kernel programs have it.
func number(b bool) uint32 {
	if b {
		return 1
	}
	return 0
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
		copied.ID = process.ID{PID: int(child)}
		t.known[child] = known{process: &copied}
	}
}

// inspect reads a process anew, one time after the other.
func (t *Targets) inspect(tgid uint32) {
	if turn, ok := t.turns.take(tgid); ok {
		t.start(tgid, turn)
	}
}

func (t *Targets) start(tgid uint32, turn uint64) {
	t.wait.Go(func() {
		t.look(tgid, turn)
		t.next(tgid, turn)
	})
}

// next ends a turn and takes the one that was asked for meanwhile, if any.
func (t *Targets) next(tgid uint32, turn uint64) {
	if later, more := t.turns.end(tgid, turn); more {
		t.start(tgid, later)
	}
}

func (t *Targets) look(tgid uint32, turn uint64) {
	p, err := process.Read(int(tgid))
	if err != nil || !t.turns.is(tgid, turn) {
		return // its exit, or what it executed meanwhile, is an event of its own
	}
	t.mu.Lock()
	k, ok := t.known[tgid]
	if ok && k.gone.IsZero() {
		t.known[tgid] = known{process: p}
	}
	t.mu.Unlock()
	t.setTasks(p, turn)
}

// turns lets one at a time look at each process. Whoever comes meanwhile makes
// the turn stale: what it finds may be over, and the same one looks again.
type turns struct {
	mu    sync.Mutex
	asked map[uint32]uint64 // how often, since the first of those that look now
}

// take asks for a turn. It is granted if none is under way.
func (t *turns) take(tgid uint32) (turn uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked == nil {
		t.asked = map[uint32]uint64{}
	}
	t.asked[tgid]++
	return t.asked[tgid], t.asked[tgid] == 1
}

// is tells whether nobody asked after this turn was taken.
func (t *turns) is(tgid uint32, turn uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked[tgid] == turn
}

// end gives the turn back, or another one in its place.
func (t *turns) end(tgid uint32, turn uint64) (later uint64, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if later = t.asked[tgid]; later != turn {
		return later, true
	}
	delete(t.asked, tgid)
	return 0, false
}

func (t *Targets) exited(tgid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if k, ok := t.known[tgid]; ok {
		k.gone = now
		t.known[tgid] = k
		t.wait.Go(func() { t.libraries.detach(tgid) })
	}
	for id, k := range t.known {
		if !k.gone.IsZero() && now.Sub(k.gone) > remembered {
			delete(t.known, id)
		}
	}
}

// sweep finds the targets whose exit no event told.
func (t *Targets) sweep() {
	var gone []uint32
	t.mu.RLock()
	for tgid, k := range t.known {
		if k.gone.IsZero() && k.process.Gone() {
			gone = append(gone, tgid)
		}
	}
	t.mu.RUnlock()
	for _, tgid := range gone {
		t.exited(tgid) // the kernel's own table is true without its event
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
