package process

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The states of include/net/tcp_states.h that matter here.
const (
	stateEstablished = 0x01
	stateListen      = 0x0a
)

// Socket is one TCP or Unix stream socket that a process holds open.
type Socket struct {
	// Inode names the socket on this host.
	Inode uint64
	// FD is the lowest descriptor under which the process holds it.
	FD int
	// Listening sockets accept connections; others here are connected.
	Listening bool
	// Local and Remote are of TCP; invalid for Unix sockets.
	Local, Remote netip.AddrPort
	// Unix says that it is a Unix socket, Path its name ("" without one, '@'
	// first when abstract).
	Unix bool
	Path string
}

// Sockets returns the listening and connected TCP and Unix stream sockets of a
// process, by descriptor.
func (p *Process) Sockets() ([]Socket, error) {
	fds, err := p.fs.socketFDs(p.PID)
	if err != nil {
		return nil, p.fs.explain(p.PID, err)
	}
	var out []Socket
	for s, err := range p.fs.sockets(p.PID) {
		if err != nil {
			return nil, p.fs.explain(p.PID, err)
		}
		if fd, ok := fds[s.Inode]; ok {
			s.FD = fd
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Socket) int { return a.FD - b.FD })
	return out, nil
}

// socketFDs maps the inodes of a process's sockets to their lowest descriptors.
func (fs FS) socketFDs(pid int) (map[uint64]int, error) {
	dir := fs.path(pid, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	fds := map[uint64]int{}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if errors.Is(err, iofs.ErrPermission) {
			return nil, err
		}
		if err != nil || !strings.HasPrefix(link, "socket:[") {
			continue // closed meanwhile, or another kind
		}
		inode := parseNamespace(link)
		if lowest, ok := fds[inode]; !ok || fd < lowest {
			fds[inode] = fd
		}
	}
	return fds, nil
}

// holdsSocket says whether the process holds one of the sockets.
func (fs FS) holdsSocket(pid int, inodes map[uint64]bool) (bool, error) {
	if len(inodes) == 0 {
		return false, nil
	}
	fds, err := fs.socketFDs(pid)
	if err != nil {
		return false, err
	}
	for inode := range fds {
		if inodes[inode] {
			return true, nil
		}
	}
	return false, nil
}

// listeningInodes returns the sockets that listen on a port in any network
// namespace that one of the processes lives in. Each namespace is read once.
func (fs FS) listeningInodes(pids []int, port int) map[uint64]bool {
	found, done := map[uint64]bool{}, map[string]bool{}
	for _, pid := range pids {
		namespace, err := os.Readlink(fs.path(pid, "ns", "net"))
		if err != nil || done[namespace] {
			continue
		}
		complete := true
		for s, err := range fs.sockets(pid) {
			if err != nil {
				complete = false // exited meanwhile: another process will do
			} else if s.Listening && !s.Unix && int(s.Local.Port()) == port {
				found[s.Inode] = true
			}
		}
		done[namespace] = complete
	}
	return found
}

// sockets yields the stream sockets of the network namespace of a process. A
// table that the kernel does not have (no IPv6) is left out.
func (fs FS) sockets(pid int) func(yield func(Socket, error) bool) {
	tables := []struct {
		name  string
		parse func(string) (Socket, bool)
	}{{"tcp", parseTCPLine}, {"tcp6", parseTCPLine}, {"unix", parseUnixLine}}
	return func(yield func(Socket, error) bool) {
		for _, t := range tables {
			f, err := os.Open(fs.path(pid, "net", t.name))
			if gone(err) && t.name != "tcp" {
				continue
			}
			if err != nil {
				yield(Socket{}, err)
				return
			}
			more := eachLine(f, t.parse, yield)
			f.Close()
			if !more {
				return
			}
		}
	}
}

func eachLine(r io.Reader, parse func(string) (Socket, bool), yield func(Socket, error) bool) bool {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if s, ok := parse(lines.Text()); ok && !yield(s, nil) {
			return false
		}
	}
	if err := lines.Err(); err != nil {
		return yield(Socket{}, fmt.Errorf("reading sockets: %w", err))
	}
	return true
}

// parseTCPLine parses a line of net/tcp or net/tcp6; see proc_pid_net(5). Sockets
// without an owner (inode 0, as in TIME_WAIT) and half-open ones are left out.
func parseTCPLine(line string) (Socket, bool) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return Socket{}, false
	}
	state, err := strconv.ParseUint(f[3], 16, 8)
	if err != nil || state != stateEstablished && state != stateListen {
		return Socket{}, false
	}
	local, okLocal := parseAddress(f[1])
	remote, okRemote := parseAddress(f[2])
	inode, err := strconv.ParseUint(f[9], 10, 64)
	if !okLocal || !okRemote || err != nil || inode == 0 {
		return Socket{}, false
	}
	return Socket{Inode: inode, Listening: state == stateListen, Local: local, Remote: remote}, true
}

// parseAddress parses "0100007F:1F90": 32-bit words printed as numbers, so each
// is byte-swapped on a little-endian machine, which all supported ones are.
func parseAddress(s string) (netip.AddrPort, bool) {
	words, portHex, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(words)
	port, portErr := strconv.ParseUint(portHex, 16, 16)
	if !ok || err != nil || portErr != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// parseUnixLine parses a line of net/unix: "Num: RefCount Protocol Flags Type St
// Inode Path". Flag 0x10000 is __SO_ACCEPTCON, type 1 SOCK_STREAM, state 3
// SS_CONNECTED (include/uapi/linux/net.h).
func parseUnixLine(line string) (Socket, bool) {
	f := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", 8)
	if len(f) < 7 || f[4] != "0001" {
		return Socket{}, false
	}
	flags, err := strconv.ParseUint(f[3], 16, 32)
	inode, inodeErr := strconv.ParseUint(f[6], 10, 64)
	s := Socket{Inode: inode, Unix: true, Listening: flags&0x10000 != 0}
	if err != nil || inodeErr != nil || inode == 0 || !s.Listening && f[5] != "03" {
		return Socket{}, false
	}
	if len(f) == 8 {
		s.Path = f[7]
	}
	return s, true
}
