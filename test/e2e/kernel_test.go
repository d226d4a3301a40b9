package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// objects are the kernel's programs and maps, by their number.
type objects map[string]string

// kernelObjects lists the programs and maps that the kernel holds.
func kernelObjects() (objects, error) {
	found := objects{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("listing the kernel's programs: %w", err)
		}
		id = next
		if p, err := ebpf.NewProgramFromID(id); err == nil {
			info, err := p.Info()
			p.Close()
			if err == nil {
				found[fmt.Sprintf("program %d", id)] = info.Name
			}
		}
	}
	for id := ebpf.MapID(0); ; {
		next, err := ebpf.MapGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("listing the kernel's maps: %w", err)
		}
		id = next
		if m, err := ebpf.NewMapFromID(id); err == nil {
			info, err := m.Info()
			m.Close()
			if err == nil {
				found[fmt.Sprintf("map %d", id)] = info.Name
			}
		}
	}
}

// ours are names that only the agent's objects have.
var ours = []string{
	"sock_send_lengt", "sock_recv_lengt", "exit_send", "exit_receive", "inject_request", "track_connectio",
	"inet_sock_set_s", "tcp_destroy_soc", "sched_process_f", "sched_process_e",
	"conns", "targets", "tasks", "adoptions", "inject_sockets", "conn_blank", "calls",
	"go_http", "go_grpc", "go_sql", "go_programs", "go_contexts", "go_served", "go_made", "go_dials",
}

// since lists what is there of the agent's that was not there before.
func (before objects) since() ([]string, error) {
	now, err := kernelObjects()
	if err != nil {
		return nil, err
	}
	var left []string
	for id, name := range now {
		if _, ok := before[id]; ok {
			continue
		}
		for _, o := range ours {
			if strings.HasPrefix(name, o) {
				left = append(left, id+" "+name)
			}
		}
	}
	return left, nil
}

// waitForNone waits until nothing of the agent's is left; the kernel frees
// programs after a grace period. What a running process holds is not left over:
// agents of others may run on this machine. It returns what stays.
func (before objects) waitForNone(limit time.Duration) string {
	var left string
	poll(limit, func() bool {
		new, err := before.since()
		if err != nil {
			left = err.Error()
			return false
		}
		if len(new) > 0 {
			held := heldObjects()
			new = slices.DeleteFunc(new, func(o string) bool { return held[identifier(o)] })
		}
		left = strings.Join(new, ", ")
		return left == ""
	})
	return left
}

// identifier is an object's kind and number without its name.
func identifier(o string) string { return o[:strings.LastIndexByte(o, ' ')] }

// heldObjects are the programs and maps to which a process has a descriptor,
// itself or through a link.
func heldObjects() map[string]bool {
	held := map[string]bool{}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is a good one
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err != nil || !strings.HasPrefix(target, "anon_inode:bpf") {
			continue
		}
		info, err := os.ReadFile(strings.Replace(fd, "/fd/", "/fdinfo/", 1))
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(info)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key {
			case "prog_id":
				held["program "+strings.TrimSpace(value)] = true
			case "map_id":
				held["map "+strings.TrimSpace(value)] = true
			}
		}
	}
	return held
}
