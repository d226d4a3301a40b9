package probes

import (
	"time"

	"github.com/cilium/ebpf"

	"github.com/throughline/throughline/bpf/abi"
)

// maxCall is how long a call may take before it is taken for one whose goroutine
// died without the hook that ends it.
const maxCall = 24 * time.Hour

// callMaps are the kernel's tables of open calls, each in two maps (OPEN_CALLS in
// bpf/go_call.h). Each key is laid out as a task's, each value begins with a call's
// record.
func callMaps() (all []string) {
	for _, table := range []string{"go_served", "go_made", "go_grpc_served", "go_grpc_made", "go_sql_made"} {
		all = append(all, table, table+"_more")
	}
	return all
}

// sweep removes what processes that are gone have left in the kernel's tables, and
// calls that never ended.
func (l *libraries) sweep(running func(tgid uint32) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := Now() - uint64(maxCall)
	for _, name := range callMaps() {
		sweepMap(l.maps[name], func(key abi.TaskKey, call []byte) bool {
			return !running(key.Tgid) || callStart(call) < oldest
		})
	}
	sweepMap(l.maps["go_contexts"], func(key abi.GoContextKey, _ []byte) bool { return !running(key.Tgid) })
	sweepMap(l.maps["go_routes"], func(key abi.TaskKey, _ []byte) bool { return !running(key.Tgid) })
}

// sweepMap deletes the entries that are stale. A map that no target has needed yet
// is nil.
func sweepMap[K any](m *ebpf.Map, stale func(key K, value []byte) bool) {
	if m == nil {
		return
	}
	var (
		key   K
		value []byte
		found []K
	)
	for entries := m.Iterate(); entries.Next(&key, &value); {
		if stale(key, value) {
			found = append(found, key)
		}
	}
	for i := range found { // gone already is as good
		_ = m.Delete(&found[i])
	}
}
