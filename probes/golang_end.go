package probes

import (
	"encoding/binary"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// unfinished tells the sink of calls that an event ends and no hook will in time:
// those of a process that is gone, with its own SDK if it had one, and those on a
// connection that was reset. Of the latter the handler still runs: the kernel keeps what
// it knows of it, and what its hook tells in the end is not passed on. What an SDK will
// tell in the end is left to it.
func (p *Probes) unfinished(ev *event.Event, sink Sink) {
	h := ev.Header
	switch {
	case ev.Kind() == abi.EventExit, ev.Kind() == abi.EventExec && ev.Process.IsTarget != 0:
		for _, record := range p.libraries.calls(func(c *abi.CallEvent) bool { return c.H.Tgid == h.Tgid }, true) {
			p.tell(record, abi.CallExited, h.Ktime, sink)
			delete(p.told, callOf(record).H.Ctx.SpanId)
		}
	case ev.Kind() == abi.EventClose && abi.CloseReason(ev.Close.Reason) == abi.CloseReset:
		reset := func(c *abi.CallEvent) bool {
			return c.Told == 0 && p.reports(c) && abi.Role(c.Role) == abi.RoleServer && c.H.Sock == h.Sock && c.H.Gen == h.Gen
		}
		for _, record := range p.libraries.calls(reset, false) {
			p.tell(record, abi.CallReset, h.Ktime, sink)
			p.told[callOf(record).H.Ctx.SpanId] = struct{}{}
		}
	}
}

// reports tells whether a call is one that its hook will report (sampling_reports in
// bpf/sampling.h).
func (p *Probes) reports(c *abi.CallEvent) bool {
	return p.reportUnsampled || c.H.Ctx.Flags&flagSampled != 0
}

// tell ends a call, unless it was told before.
func (p *Probes) tell(record []byte, flag abi.CallFlag, now uint64, sink Sink) {
	call := callOf(record)
	if _, ok := p.told[call.H.Ctx.SpanId]; ok {
		return
	}
	call.H.Ktime, call.CallFlags = now, call.CallFlags|uint8(flag)
	size := min(uint64(unsafe.Offsetof(call.Text))+uint64(call.TextUsed), uint64(len(record)))
	call.H.Len = uint32(size)
	var made event.Event
	if event.Decode(record[:size], &made) != nil {
		p.malformed.Add(1)
		return
	}
	sink.Handle(&made)
}

// wasTold tells whether an event is the late end of a call that was told before.
func (p *Probes) wasTold(ev *event.Event) bool {
	if ev.Kind() != abi.EventCall {
		return false
	}
	_, ok := p.told[ev.Header.Ctx.SpanId]
	delete(p.told, ev.Header.Ctx.SpanId)
	return ok
}

// callOf is the beginning of what the kernel's tables of calls hold.
func callOf(value []byte) *abi.CallEvent { return (*abi.CallEvent)(unsafe.Pointer(&value[0])) }

// calls reads open calls from the kernel's tables, and takes them out if asked to:
// then only those that no hook has ended meanwhile.
func (l *libraries) calls(wanted func(call *abi.CallEvent) bool, take bool) (found [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range callMaps() {
		if m := l.maps[name]; m != nil {
			found = append(found, callsIn(m, l.maps["tasks"], wanted, take)...)
		}
	}
	return found
}

func callsIn(m, tasks *ebpf.Map, wanted func(call *abi.CallEvent) bool, take bool) (found [][]byte) {
	var (
		key   abi.TaskKey
		value []byte
		keys  []abi.TaskKey
		all   [][]byte
	)
	for entries := m.Iterate(); entries.Next(&key, &value); value = nil {
		if len(value) < int(unsafe.Sizeof(abi.CallEvent{})) {
			continue
		}
		markTold(tasks, key, callOf(value))
		if wanted(callOf(value)) {
			keys, all = append(keys, key), append(all, value)
		}
	}
	for i := range keys {
		if !take || m.Delete(&keys[i]) == nil {
			found = append(found, all[i])
		}
	}
	return found
}

// markTold marks a served call whose span the program's SDK has begun: it is what the
// goroutine serves from then on (sdk_serves in bpf/go_sdk.h), and what other spans name
// as their parent.
func markTold(tasks *ebpf.Map, key abi.TaskKey, call *abi.CallEvent) {
	var serves abi.Task
	if abi.Role(call.Role) != abi.RoleServer || tasks == nil || tasks.Lookup(&key, &serves) != nil {
		return
	}
	if serves.Open == 1 && serves.Overlapped == 0 && serves.Ctx.SpanId != call.H.Ctx.SpanId {
		call.Told, call.H.Ctx = 1, serves.Ctx
	}
}

// callStart reads when a call of the kernel's tables began.
func callStart(value []byte) uint64 {
	return binary.NativeEndian.Uint64(value[unsafe.Offsetof(abi.CallEvent{}.Start):])
}
