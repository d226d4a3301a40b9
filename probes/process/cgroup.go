package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ErrNoCgroup2 says that no cgroup v2 hierarchy is mounted.
var ErrNoCgroup2 = errors.New("no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup")

// CgroupMount finds where the cgroup v2 hierarchy is mounted: alone at
// /sys/fs/cgroup, or beside version 1 at /sys/fs/cgroup/unified or elsewhere.
func CgroupMount() (string, error) { return FS{}.CgroupMount() }

// CgroupMount is CgroupMount over this proc file system. It fails with
// ErrNoCgroup2.
func (fs FS) CgroupMount() (string, error) {
	m, err := fs.cgroupMount()
	return m.point, err
}

// cgroupMount is a mount of cgroup2: root is the cgroup that appears at point.
type cgroupMount struct{ root, point string }

func (fs FS) cgroupMount() (cgroupMount, error) {
	f, err := os.Open(filepath.Join(fs.root(), "self", "mountinfo"))
	if err != nil {
		return cgroupMount{}, fmt.Errorf("finding the cgroup v2 mount: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxMapLine)
	for lines.Scan() {
		if m, ok := parseCgroupMount(lines.Text()); ok {
			return m, nil
		}
	}
	return cgroupMount{}, errors.Join(lines.Err(), ErrNoCgroup2)
}

// parseCgroupMount parses a line of mountinfo; see proc_pid_mountinfo(5).
func parseCgroupMount(line string) (cgroupMount, bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields, kind := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 6 || len(kind) == 0 || kind[0] != "cgroup2" {
		return cgroupMount{}, false
	}
	return cgroupMount{root: unescapeMount(fields[3]), point: unescapeMount(fields[4])}, true
}

// unescapeMount undoes the octal escapes of mangle() in fs/proc_namespace.c.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func (fs FS) readCgroup(p *Process) error {
	b, err := readSmall(fs.path(p.PID, "cgroup"))
	if err != nil {
		return err
	}
	p.Cgroup, p.ContainerID = parseCgroup(b)
	mount, err := fs.cgroupMount()
	if err != nil {
		return nil // a host without cgroup2 has no directory to give
	}
	p.CgroupDir = mount.dir(p.Cgroup)
	return nil
}

// dir returns the directory of a cgroup, "" when it lies outside the mount.
func (m cgroupMount) dir(cgroup string) string {
	if !strings.HasPrefix(cgroup, "/") || strings.HasPrefix(cgroup, "/..") {
		return ""
	}
	if m.root != "/" {
		rest, ok := strings.CutPrefix(cgroup, m.root)
		if !ok || rest != "" && rest[0] != '/' {
			return ""
		}
		cgroup = rest
	}
	return filepath.Join(m.point, cgroup)
}

// parseCgroup returns the v2 path of /proc/PID/cgroup (the line "0::") and the
// container id. A hybrid host may have the id only in the paths of version 1.
func parseCgroup(b []byte) (v2, container string) {
	var v1 string
	for line := range bytes.Lines(b) {
		fields := strings.SplitN(strings.TrimRight(string(line), "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		if fields[0] == "0" && fields[1] == "" {
			v2 = strings.TrimSuffix(fields[2], " (deleted)")
		} else if v1 == "" {
			v1 = containerID(fields[2])
		}
	}
	if id := containerID(v2); id != "" {
		return v2, id
	}
	return v2, v1
}

// Container ids as the runtimes write them into cgroup paths: 64 hexadecimal
// digits alone, or between a runtime's prefix and ".scope"
// (docker-, cri-containerd-, crio-, libpod-, nerdctl-, "…:cri-containerd:");
// on ECS Fargate 32 digits, a dash and a decimal number.
var (
	plainID   = regexp.MustCompile(`^(?:.*[:-])?([0-9a-f]{64})(?:\.scope)?$`)
	fargateID = regexp.MustCompile(`^[0-9a-f]{32}-[0-9]{8,12}$`)
)

// containerID returns the id of the innermost container in a cgroup path, "".
func containerID(path string) string {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		part := parts[i]
		if strings.Contains(part, "conmon") {
			return "" // the monitor beside a podman or cri-o container, not in it
		}
		if m := plainID.FindStringSubmatch(part); m != nil {
			return m[1]
		}
		if fargateID.MatchString(part) {
			return part
		}
	}
	return ""
}
