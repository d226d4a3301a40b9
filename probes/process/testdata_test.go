package process

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

// tree writes a /proc of files and links (those with an arrow in front) and
// returns it.
func tree(t *testing.T, files map[string]string) FS {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if content != "" && content[0] == '>' {
			err = os.Symlink(content[1:], path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return FS{Root: root}
}

const (
	statShop   = "42 (shop) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 137508 1 2\n"
	statusShop = "Name:\tshop\nTgid:\t42\nPid:\t42\nUid:\t0\t0\t0\t0\nNSpid:\t42\t1\n"
	netHeading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)

// shop is a container's process.
func shop() map[string]string {
	return map[string]string{
		"self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n",
		"self/stat":      "",
		"42/stat":        statShop,
		"42/status":      statusShop,
		"42/exe":         ">/srv/root/app/shop (deleted)",
		"42/root":        ">/srv/root",
		"42/cmdline":     "./shop\x00--password=secret\nx\x00",
		"42/environ":     "SECRET=1\x00OTEL_RESOURCE_ATTRIBUTES=service.namespace=web,service.version=1.2,team=a%2Cb\x00",
		"42/cgroup":      "0::/docker/" + id1 + "\n",
		"42/ns/pid":      ">pid:[1]", "42/ns/net": ">net:[2]", "42/ns/mnt": ">mnt:[3]",
		"42/maps":    "55d4-55d8 r-xp 00004000 fe:00 11    /srv/root/app/shop (deleted)\n7f00-7f10 r-xp 00004000 fe:00 12    /srv/root/lib/libc.so.6\n",
		"42/net/tcp": netHeading + "   0: 00000000:1F90 00000000:0000 0A 0:0 00:0 0     0        0 1064 1 0\n   1: 0100007F:0001 00000000:0000 0A 0:0 00:0 0     0        0 999 1 0\n",
		"42/fd/3":    ">socket:[1064]", "42/fd/9": ">socket:[1064]", "42/fd/1": ">/dev/null",
		"42/task/42/x": "", "42/task/43/x": "",
	}
}

func TestReadTree(t *testing.T) {
	files := shop()
	// The program must be readable through the link, as through /proc/PID/exe.
	p, err := tree(t, files).Read(42)
	if err == nil {
		t.Fatalf("a dangling exe was read: %+v", p)
	}
	exe := filepath.Join(t.TempDir(), "shop")
	if err := os.WriteFile(exe, []byte("\x7fELF garbage"), 0o755); err != nil {
		t.Fatal(err)
	}
	files["42/exe"] = ">" + exe
	proc := tree(t, files)
	p, err = proc.Read(42)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != (ID{42, 137508}) || p.ParentPID != 7 || p.ThreadCount != 3 || !slices.Equal(p.NSPID, []int{42, 1}) {
		t.Errorf("identity: %+v", p)
	}
	if p.ContainerID != id1 || p.CgroupDir != "/cg/docker/"+id1 || p.Namespaces != (Namespaces{1, 2, 3}) {
		t.Errorf("container: %+v", p)
	}
	if len(p.Env) != 1 || !slices.ContainsFunc(p.Libraries, func(l Library) bool { return l.Path == "/lib/libc.so.6" }) {
		t.Errorf("environment %v, libraries %v", p.Env, p.Libraries)
	}
	if threads, err := proc.Threads(42); err != nil || !slices.Equal(threads, []int{42, 43}) {
		t.Errorf("threads %v, %v", threads, err)
	}
	sockets, err := p.Sockets()
	if err != nil || len(sockets) != 1 || sockets[0].FD != 3 || sockets[0].Local.Port() != 8080 {
		t.Errorf("sockets %+v, %v", sockets, err)
	}
	for _, s := range []Selector{{Port: 8080}, {Container: id1[:8]}, {Exe: "sh*"}, {Exe: exe}, {PID: 42}, {PID: 42, Port: 8080}} {
		if got, err := proc.Find(s); err != nil || len(got) != 1 || got[0].PID != 42 {
			t.Errorf("finding %v: %v, %v", s, got, err)
		}
	}
	for _, s := range []Selector{{Port: 1}, {Port: 8081}, {Container: "ff"}, {Exe: "/sh*"}, {Exe: "nginx"}, {Port: 8080, Exe: "nginx"}} {
		if _, err := proc.Find(s); !errors.Is(err, ErrNotFound) {
			t.Errorf("finding %v: %v", s, err)
		}
	}
	checkResource(t, p)
}

func checkResource(t *testing.T, p *Process) {
	t.Helper()
	host := Host{Name: "h", ID: "machine", BootID: "boot", Arch: "amd64", Kernel: "6.1", OS: "Linux"}
	r := p.Resource(ResourceOptions{Host: host, Version: "0.1", ServiceName: "agent's", Attributes: []Attribute{{"team", "agent"}, {"zone", "z"}}})
	for key, want := range map[attribute.Key]string{
		"service.name": "agent's", "service.namespace": "web", "service.version": "1.2", "team": "a,b", "zone": "z",
		"container.id": id1, "process.command": "./shop", "process.executable.name": "shop", "host.id": "machine",
		"telemetry.sdk.name": "throughline", "telemetry.sdk.language": "unknown", "telemetry.sdk.version": "0.1", "os.type": "linux",
	} {
		if v, ok := r.Set().Value(key); !ok || v.AsString() != want {
			t.Errorf("%s = %q, want %q", key, v.AsString(), want)
		}
	}
	for _, kv := range r.Attributes() {
		if v := kv.Value.String(); v == "secret" || len(v) > 6 && v[:7] == "--passw" {
			t.Errorf("%s holds an argument", kv.Key)
		}
	}
	same, other := *p, *p
	other.StartTime++
	if p.InstanceID(host) != same.InstanceID(host) || p.InstanceID(host) == other.InstanceID(host) || len(p.InstanceID(host)) != 36 {
		t.Errorf("instance ids %s, %s", p.InstanceID(host), other.InstanceID(host))
	}
	p.Env["OTEL_SERVICE_NAME"] = "own"
	if v, _ := p.Resource(ResourceOptions{ServiceName: "agent's"}).Set().Value("service.name"); v.AsString() != "own" {
		t.Errorf("service.name %q, want the target's own", v.AsString())
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]string
		pid    int
		kind   error
		text   string
	}{
		{"missing", nil, 4242, ErrNotFound, "no process 4242"},
		{"negative", nil, -1, ErrNotFound, "no process -1"},
		{"thread", map[string]string{"42/status": "Tgid:\t40\n"}, 42, ErrNotFound, "no process 42: it is a thread of process 40; name that one instead"},
		{"kernel thread", map[string]string{"42/stat": "42 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n"}, 42, ErrKernelThread,
			"process 42 (kworker/0:1) is a kernel thread: it has no program to trace; choose another process"},
		{"zombie", map[string]string{"42/stat": "42 (x) Z 2 0 0 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n"}, 42, ErrExited,
			"process 42 (x) has exited and waits for its parent to collect it: choose another process"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := shop()
			for name, content := range tt.change {
				files[name] = content
			}
			p, err := tree(t, files).Read(tt.pid)
			if p != nil || !errors.Is(err, tt.kind) || err.Error() != tt.text {
				t.Errorf("got %v, %v", p, err)
			}
		})
	}
}

// TestReadGone removes each file in turn: a process that goes while it is read
// has exited, and is never half-filled.
func TestReadGone(t *testing.T) {
	for name := range shop() {
		switch filepath.Base(name) {
		case "exe", "status", "cmdline", "environ", "cgroup", "pid", "net", "mnt", "maps":
			files := shop()
			delete(files, name)
			if p, err := tree(t, files).Read(42); p != nil || !errors.Is(err, ErrExited) {
				t.Errorf("without %s: %v, %v", name, p, err)
			}
		}
	}
}

func TestSelectorValidate(t *testing.T) {
	for _, s := range []Selector{{}, {Exe: "["}, {Port: -1}, {Port: 70000}, {PID: -1}} {
		if err := s.Validate(); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}
