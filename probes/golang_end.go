package probes

import (
	"encoding/binary"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// unfinished tells the sink of calls that an event ends and no hook will: those of
// a process that is gone, and those on a connection that was reset.
func (p *Probes) unfinished(ev *event.Event, sink Sink) {
	h := ev.Header
	var flag abi.CallFlag
	var ended func(call *abi.CallEvent) bool
	switch {
	case ev.Kind() == abi.EventExit, ev.Kind() == abi.EventExec && ev.Process.IsTarget != 0:
		flag = abi.CallExited
		ended = func(call *abi.CallEvent) bool { return call.H.Tgid == h.Tgid }
	case ev.Kind() == abi.EventClose && abi.CloseReason(ev.Close.Reason) == abi.CloseReset:
		flag = abi.CallReset
		ended = func(call *abi.CallEvent) bool {
			return abi.Role(call.Role) == abi.RoleServer && call.H.Sock == h.Sock && call.H.Gen == h.Gen
		}
	default:
		return
	}
	var made event.Event
	for _, record := range p.libraries.takeCalls(ended) {
		call := (*abi.CallEvent)(unsafe.Pointer(&record[0]))
		call.H.Ktime, call.CallFlags = h.Ktime, call.CallFlags|uint8(flag)
		size := min(uint64(unsafe.Offsetof(call.Text))+uint64(call.TextUsed), uint64(len(record)))
		call.H.Len = uint32(size)
		if event.Decode(record[:size], &made) != nil {
			p.malformed.Add(1)
			continue
		}
		sink.Handle(&made)
	}
}

// takeCalls takes calls out of the kernel's tables, before a hook can end them.
func (l *libraries) takeCalls(ended func(call *abi.CallEvent) bool) (records [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range callMaps() {
		if m := l.maps[name]; m != nil {
			records = append(records, takeCalls(m, ended)...)
		}
	}
	return records
}

func takeCalls(m *ebpf.Map, ended func(call *abi.CallEvent) bool) (records [][]byte) {
	var (
		key   abi.TaskKey
		value []byte
		keys  []abi.TaskKey
		found [][]byte
	)
	for entries := m.Iterate(); entries.Next(&key, &value); value = nil {
		if len(value) >= int(unsafe.Sizeof(abi.CallEvent{})) && ended((*abi.CallEvent)(unsafe.Pointer(&value[0]))) {
			keys, found = append(keys, key), append(found, value)
		}
	}
	for i := range keys {
		if m.Delete(&keys[i]) == nil { // else its hook was faster
			records = append(records, found[i])
		}
	}
	return records
}

// callStart reads when a call of the kernel's tables began.
func callStart(value []byte) uint64 {
	return binary.NativeEndian.Uint64(value[unsafe.Offsetof(abi.CallEvent{}.Start):])
}
