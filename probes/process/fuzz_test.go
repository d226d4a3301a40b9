package process

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzProc feeds one text to every parser of /proc. None may panic.
func FuzzProc(f *testing.F) {
	f.Add([]byte("42 (a) R (b) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 137508 1 2"))
	f.Add([]byte("Tgid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t9\t1\n"))
	f.Add([]byte("4:memory:/docker/" + id1 + "\n0::/kubepods.slice/crio-" + id1 + ".scope\n"))
	f.Add([]byte("30 23 0:26 /a /b\\040 rw - cgroup2 none rw"))
	f.Add([]byte("55d4-55d8 r-xp 00004000 fe:00 11                  /usr/bin/x (deleted)\n"))
	f.Add([]byte("OTEL_A=1\x00B\x00OTEL_\x00"))
	f.Add([]byte("a=%41,b=c"))
	f.Add([]byte("   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1064 1 0"))
	f.Add([]byte("0: 2 0 00010000 0001 01 33 /run/a"))
	f.Add([]byte("net:[12]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text := string(b)
		if s, err := parseStat(b); err == nil && strings.ContainsAny(s.comm, "\n\x00") {
			t.Errorf("name %q would break a terminal line", s.comm)
		}
		if s, err := parseStatus(b); err == nil && s.tgid <= 0 {
			t.Errorf("thread group %d accepted", s.tgid)
		}
		v2, id := parseCgroup(b)
		if id != "" && !strings.Contains(text, id) {
			t.Errorf("container %q is not in the text", id)
		}
		if m, ok := parseCgroupMount(text); ok {
			m.dir(v2)
		}
		if libraries, err := parseMaps(bytes.NewReader(b)); err == nil {
			for _, l := range libraries {
				if !strings.HasPrefix(l.Path, "/") {
					t.Errorf("library %q has no path", l.Path)
				}
			}
		}
		env, err := readOTELEnv(bytes.NewReader(b))
		if err != nil {
			t.Errorf("environment: %v", err)
		}
		for name := range env {
			if !strings.HasPrefix(name, "OTEL_") {
				t.Errorf("kept %q", name)
			}
		}
		_, _ = ParseResourceAttributes(text)
		parseTCPLine(text)
		parseUnixLine(text)
		parseNamespace(text)
		splitArgs(b)
	})
}
