package main

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A machine is what the figures were measured on.
type machine struct {
	Kernel     string   `json:"kernel"`
	CPU        string   `json:"cpu"`
	CPUs       int      `json:"cpus"`
	LoadBefore string   `json:"load_before"`
	LoadAfter  string   `json:"load_after"`
	Programs   []string `json:"programs"`
}

func readMachine() *machine {
	m := &machine{CPUs: runtime.NumCPU(), LoadBefore: readLoad(), Programs: []string{runtime.Version()}}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	for _, command := range [][]string{{"/usr/sbin/nginx", "-v"}, {"/usr/bin/python3", "--version"}, {"wrk", "-v"}} {
		out, _ := exec.Command(command[0], command[1:]...).CombinedOutput() // wrk -v fails, and says it
		first, _, _ := bytes.Cut(out, []byte("\n"))
		if len(first) > 0 {
			m.Programs = append(m.Programs, strings.TrimPrefix(string(first), "nginx version: "))
		}
	}
	return m
}

func (m *machine) finish() { m.LoadAfter = readLoad() }

// readLoad returns the load averages of 1, 5 and 15 minutes.
func readLoad() string {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
