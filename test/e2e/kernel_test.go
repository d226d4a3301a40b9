package e2e

import (
	"errors"
	"fmt"
	"os"
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
}

// since lists what is there of the agent's that was not there before.
func (before objects) since() (string, error) {
	now, err := kernelObjects()
	if err != nil {
		return "", err
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
	return strings.Join(left, ", "), nil
}

// waitForEqual waits until nothing of the agent's is left; the kernel frees
// programs after a grace period. It returns what stays.
func (before objects) waitForEqual(limit time.Duration) string {
	var left string
	poll(limit, func() bool {
		var err error
		if left, err = before.since(); err != nil {
			left = err.Error()
		}
		return left == ""
	})
	return left
}
