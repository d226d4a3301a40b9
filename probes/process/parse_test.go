package process

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	rest := " S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 137508 1 2"
	tests := []struct {
		name, in string
		want     stat
		fails    bool
	}{
		{"plain", "42 (nginx)" + rest, stat{comm: "nginx", state: 'S', ppid: 7, flags: 4194304, threads: 3, startTime: 137508}, false},
		{"spaces and parentheses", "42 (a) R (b c)" + rest, stat{comm: "a) R (b c", state: 'S', ppid: 7, flags: 4194304, threads: 3, startTime: 137508}, false},
		{"line break and broken UTF-8", "42 (a\n\xff)" + rest, stat{comm: "a??", state: 'S', ppid: 7, flags: 4194304, threads: 3, startTime: 137508}, false},
		{"empty", "", stat{}, true},
		{"reversed", ")(", stat{}, true},
		{"short", "42 (x) S 1", stat{}, true},
		{"words", "42 (x)" + strings.ReplaceAll(rest, "7", "seven"), stat{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.in))
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if !tt.fails && got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// The ids that the table below carries, one a runtime.
const (
	id1 = "0ec4f0d4f06826f41512978fead0f30ae2f1b1f5f6c7b8a9d0e1f2a3b4c5d6e7"
	id2 = "1ec4f0d4f06826f41512978fead0f30ae2f1b1f5f6c7b8a9d0e1f2a3b4c5d6e7"
)

func TestParseCgroup(t *testing.T) {
	tests := []struct{ name, in, v2, id string }{
		{"host", "0::/system.slice/nginx.service\n", "/system.slice/nginx.service", ""},
		{"docker, systemd", "0::/system.slice/docker-" + id1 + ".scope\n", "/system.slice/docker-" + id1 + ".scope", id1},
		{"docker, cgroupfs", "0::/docker/" + id1 + "\n", "/docker/" + id1, id1},
		{"docker in docker", "0::/docker/" + id1 + "/docker/" + id2 + "\n", "/docker/" + id1 + "/docker/" + id2, id2},
		{"systemd inside docker", "0::/docker/" + id1 + "/system.slice/x.service\n", "/docker/" + id1 + "/system.slice/x.service", id1},
		{"containerd, systemd", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id1 + ".scope\n", "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id1 + ".scope", id1},
		{"containerd, cgroupfs", "0::/kubepods/besteffort/pod3d27/" + id1 + "\n", "/kubepods/besteffort/pod3d27/" + id1, id1},
		{"containerd, colons", "0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + id1 + "\n", "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + id1, id1},
		{"cri-o", "0::/kubepods.slice/crio-" + id1 + ".scope\n", "/kubepods.slice/crio-" + id1 + ".scope", id1},
		{"cri-o, inner", "0::/kubepods.slice/crio-" + id1 + ".scope/container\n", "/kubepods.slice/crio-" + id1 + ".scope/container", id1},
		{"cri-o monitor", "0::/kubepods.slice/crio-conmon-" + id1 + ".scope\n", "/kubepods.slice/crio-conmon-" + id1 + ".scope", ""},
		{"podman", "0::/machine.slice/libpod-" + id1 + ".scope/container\n", "/machine.slice/libpod-" + id1 + ".scope/container", id1},
		{"podman, cgroupfs", "0::/libpod_parent/libpod-" + id1 + "\n", "/libpod_parent/libpod-" + id1, id1},
		{"podman monitor", "0::/machine.slice/libpod-conmon-" + id1 + ".scope\n", "/machine.slice/libpod-conmon-" + id1 + ".scope", ""},
		{"nerdctl", "0::/system.slice/nerdctl-" + id1 + ".scope\n", "/system.slice/nerdctl-" + id1 + ".scope", id1},
		{"ECS", "0::/ecs/0123456789abcdef/" + id1 + "\n", "/ecs/0123456789abcdef/" + id1, id1},
		{"Fargate", "0::/ecs/" + id1[:32] + "/" + id1[:32] + "-1234567890\n", "/ecs/" + id1[:32] + "/" + id1[:32] + "-1234567890", id1[:32] + "-1234567890"},
		{"own cgroup namespace", "0::/../../docker-" + id1 + ".scope\n", "/../../docker-" + id1 + ".scope", id1},
		{"hybrid", "9:name=systemd:/docker/" + id1 + "\n4:memory:/docker/" + id1 + "\n0::/\n", "/", id1},
		{"version 1 alone", "4:memory:/docker/" + id1 + "\n", "", id1},
		{"colon in the path", "0::/a:b\n", "/a:b", ""},
		{"short number", "0::/docker/" + id1[:32] + "\n", "/docker/" + id1[:32], ""},
		{"longer number", "0::/docker/" + id1 + "0\n", "/docker/" + id1 + "0", ""},
		{"removed", "0::/gone (deleted)\n", "/gone", ""},
		{"garbage", "x\n::\n\xff:\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v2, id := parseCgroup([]byte(tt.in))
			if v2 != tt.v2 || id != tt.id {
				t.Errorf("got %q %q, want %q %q", v2, id, tt.v2, tt.id)
			}
		})
	}
}

func TestCgroupDir(t *testing.T) {
	tests := []struct {
		line, cgroup, want string
	}{
		{"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "/a/b", "/sys/fs/cgroup/a/b"},
		{"30 23 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 none rw", "/", "/sys/fs/cgroup/unified"},
		{"30 23 0:26 /pod /c\\040g rw - cgroup2 none rw", "/pod/x", "/c g/x"},
		{"30 23 0:26 /pod /cg rw - cgroup2 none rw", "/pods", ""},
		{"30 23 0:26 / /cg rw - cgroup2 none rw", "/../other", ""},
		{"30 23 0:26 / /cg rw - cgroup2 none rw", "", ""},
	}
	for _, tt := range tests {
		m, ok := parseCgroupMount(tt.line)
		if !ok {
			t.Fatalf("%q is a cgroup2 mount", tt.line)
		}
		if got := m.dir(tt.cgroup); got != tt.want {
			t.Errorf("%q, %q: got %q, want %q", tt.line, tt.cgroup, got, tt.want)
		}
	}
	if _, ok := parseCgroupMount("30 23 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu"); ok {
		t.Error("version 1 taken for version 2")
	}
}

func TestParseMaps(t *testing.T) {
	got, err := parseMaps(strings.NewReader(`55d0-55d4 r--p 00000000 fe:00 11                  /usr/bin/x
55d4-55d8 r-xp 00004000 fe:00 11                  /usr/bin/x
7f00-7f10 r-xp 00004000 fe:00 12                  /lib/lib a.so (deleted)
7f10-7f20 r-xp 00004000 fe:00 12                  /lib/lib a.so (deleted)
7f20-7f30 r-xp 00000000 00:00 0
7f30-7f40 r-xp 00000000 00:00 0                   [vdso]
zz-7f40 r-xp 00000000 00:00 0                     /broken
7f50-7f60 r-xp 00000000 00:00 1                   /line\012break
`))
	want := []Library{
		{Path: "/usr/bin/x", Start: 0x55d4, End: 0x55d8, Device: "fe:00", Inode: 11},
		{Path: "/lib/lib a.so", Deleted: true, Start: 0x7f00, End: 0x7f10, Device: "fe:00", Inode: 12},
		{Path: "/line\nbreak", Start: 0x7f50, End: 0x7f60, Device: "00:00", Inode: 1},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadOTELEnvKeepsNothingElse(t *testing.T) {
	long := strings.Repeat("x", 10<<10)
	in := "SECRET=OTEL_A=1\x00OTEL_SERVICE_NAME=shop\x00MY_OTEL_X=1\x00LONG=" + long + "\x00OTEL_LONG=" + long + "\x00OTEL_SERVICE_NAME=later\x00OTEL_NOTHING\x00\x00OTEL_END=1"
	got, err := readOTELEnv(strings.NewReader(in))
	want := map[string]string{"OTEL_SERVICE_NAME": "shop", "OTEL_LONG": long, "OTEL_END": "1"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v", slices.Sorted(maps.Keys(got)), err)
	}
}

func TestParseResourceAttributes(t *testing.T) {
	tests := []struct {
		in    string
		want  []Attribute
		fails bool
	}{
		{"", nil, false},
		{"a=1, b = two ,", []Attribute{{"a", "1"}, {"b", "two"}}, false},
		{"a=1%2C2%3D3,b%20c=x+y", []Attribute{{"a", "1,2=3"}, {"b c", "x+y"}}, false},
		{"a=x=y", []Attribute{{"a", "x=y"}}, false},
		{"a=1,b", nil, true},
		{"a=1,b=%zz", nil, true},
		{"=1", nil, true},
	}
	for _, tt := range tests {
		got, err := ParseResourceAttributes(tt.in)
		if (err != nil) != tt.fails || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, %v", tt.in, got, err)
		}
	}
}

func TestParseSockets(t *testing.T) {
	tests := []struct {
		name, line string
		parse      func(string) (Socket, bool)
		want       Socket
		ok         bool
	}{
		{"listening", "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1064 1 0 100", parseTCPLine,
			Socket{Inode: 1064, Listening: true, Local: netip.MustParseAddrPort("0.0.0.0:8080"), Remote: netip.MustParseAddrPort("0.0.0.0:0")}, true},
		{"connected", "   1: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100", parseTCPLine,
			Socket{Inode: 7, Local: netip.MustParseAddrPort("127.0.0.1:8080"), Remote: netip.MustParseAddrPort("127.0.0.2:50000")}, true},
		{"IPv6", "   1: 00000000000000000000000001000000:0050 B80D0120000000000000000001000000:C350 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0", parseTCPLine,
			Socket{Inode: 7, Local: netip.MustParseAddrPort("[::1]:80"), Remote: netip.MustParseAddrPort("[2001:db8::1]:50000")}, true},
		{"TIME_WAIT", "   1: 020200C0:8216 507100CB:01BB 06 00000000:00000000 03:000009BE 00000000     0        0 0 3 0", parseTCPLine, Socket{}, false},
		{"heading", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", parseTCPLine, Socket{}, false},
		{"Unix, listening", "00000: 00000002 00000000 00010000 0001 01 33 /run/a b", parseUnixLine, Socket{Inode: 33, Unix: true, Listening: true, Path: "/run/a b"}, true},
		{"Unix, connected", "00000: 00000003 00000000 00000000 0001 03 34", parseUnixLine, Socket{Inode: 34, Unix: true}, true},
		{"Unix datagram", "00000: 00000003 00000000 00000000 0002 03 34", parseUnixLine, Socket{}, false},
		{"Unix heading", "Num       RefCount Protocol Flags    Type St Inode Path", parseUnixLine, Socket{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.parse(tt.line)
			if ok != tt.ok || got != tt.want {
				t.Errorf("got %+v %v, want %+v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
