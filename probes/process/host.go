package process

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Host is what the resource of each process says of the machine. Empty fields
// are unknown and not exported.
type Host struct {
	Name string
	// ID is the machine id of machine-id(5).
	ID string
	// BootID changes at each boot; it keeps process instances of two boots apart
	// and is not exported.
	BootID string
	// Arch is in the words of host.arch.
	Arch string
	// Kernel is uname's release, OS a line for people.
	Kernel, OS string
}

// ReadHost reads the facts of this machine.
func ReadHost() Host { return FS{}.ReadHost() }

// ReadHost reads the facts of this machine, the boot id from this proc file
// system.
func (fs FS) ReadHost() Host {
	h := Host{Arch: hostArch(runtime.GOARCH)}
	h.Name, _ = os.Hostname()
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := readSmall(path); err == nil && len(bytes.TrimSpace(b)) > 0 {
			h.ID = string(bytes.TrimSpace(b))
			break
		}
	}
	if b, err := readSmall(filepath.Join(fs.root(), "sys/kernel/random/boot_id")); err == nil {
		h.BootID = string(bytes.TrimSpace(b))
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
		h.OS = strings.Join([]string{
			unix.ByteSliceToString(u.Sysname[:]), h.Kernel,
			unix.ByteSliceToString(u.Version[:]), unix.ByteSliceToString(u.Machine[:]),
		}, " ")
	}
	return h
}

// hostArch gives the semantic conventions' word for a Go architecture.
func hostArch(goarch string) string {
	switch goarch {
	case "386":
		return "x86"
	case "arm":
		return "arm32"
	case "ppc64le":
		return "ppc64"
	default:
		return goarch
	}
}
