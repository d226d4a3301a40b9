package e2e

import (
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A network is two hosts: namespaces with a device each, and between them a third one
// in which the test itself hands every frame on, so that it sees all of them.
type network struct {
	*rig
	hosts [2]end
	mtu   int
	// What becomes of a frame is drawn from these shares of 100; set before the
	// network is used.
	lost, late int
	// What else stands between the hosts: it may change a frame, or drop it.
	middlebox func(p packet, frame []byte) (drop bool)

	sockets [2]int
	wait    sync.WaitGroup

	mu     sync.Mutex
	random *rand.Rand
	seen   []packet
	large  int // frames of more than the MTU
}

// An end is one host of the network.
type end struct {
	namespace string
	v4, v6    string
}

const ethernetHeader = 14

var networks int

// network makes one whose devices take packets of so many bytes and cut nothing up by
// themselves: what is seen is what goes over a wire.
func (r *rig) network(mtu int) *network {
	r.Helper()
	r.need("ip")
	r.need("nsenter")
	networks++
	name := fmt.Sprintf("tl%d-%d", os.Getpid(), networks)
	n := &network{rig: r, mtu: mtu, random: rand.New(rand.NewSource(1))}
	middle := name + "m"
	r.namespace(middle)
	for i, letter := range []string{"a", "b"} {
		h := end{namespace: name + letter, v4: fmt.Sprintf("10.99.0.%d", i+1), v6: fmt.Sprintf("fd99::%d", i+1)}
		n.hosts[i] = h
		r.namespace(h.namespace)
		size := number(mtu)
		r.ip("-n", h.namespace, "link", "add", "net", "mtu", size, "type", "veth", "peer", "name", "net"+letter, "mtu", size, "netns", middle)
		r.ip("-n", h.namespace, "link", "set", "lo", "up")
		r.ip("-n", h.namespace, "addr", "add", h.v4+"/24", "dev", "net")
		if mtu >= 1280 { // RFC 8200, 5
			r.ip("-n", h.namespace, "addr", "add", h.v6+"/64", "dev", "net", "nodad")
		}
		r.ip("-n", h.namespace, "link", "set", "net", "up")
		r.ip("-n", middle, "link", "set", "net"+letter, "up")
		r.in(h.namespace, func() error { return withoutOffloads("net") })
		r.in(middle, func() (err error) {
			n.sockets[i], err = packetSocket("net" + letter)
			return err
		})
	}
	for i := range n.sockets {
		n.wait.Go(func() { n.relay(n.sockets[i], n.sockets[1-i], i == 0) })
	}
	r.Cleanup(func() {
		for _, fd := range n.sockets {
			_ = unix.Shutdown(fd, unix.SHUT_RDWR) // the read's own time limit ends it
		}
		n.mu.Lock()
		n.random = nil
		n.mu.Unlock()
		n.wait.Wait()
		for _, fd := range n.sockets {
			unix.Close(fd)
		}
	})
	return n
}

// namespace makes a network namespace that is gone when the test ends.
func (r *rig) namespace(name string) {
	r.Helper()
	r.ip("netns", "add", name)
	r.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			r.Errorf("removing namespace %s: %v: %s", name, err, out)
		}
	})
}

func (r *rig) ip(args ...string) {
	r.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		r.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// in does something in a network namespace.
func (r *rig) in(namespace string, do func() error) {
	r.Helper()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		fd, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			err = errors.Join(unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET), fd.Close())
		}
		if err == nil {
			err = do()
		}
		result <- err
	}()
	if err := <-result; err != nil {
		r.Fatalf("in namespace %s: %v", namespace, err)
	}
}

// withoutOffloads makes a device compute no checksums, which keeps TCP from leaving it
// to cut segments (SIOCETHTOOL, linux/ethtool.h).
func withoutOffloads(device string) error {
	const setTxChecksum = 0x17 // ETHTOOL_STXCSUM
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := struct{ command, data uint32 }{command: setTxChecksum}
	var request struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:], device)
	request.data = unsafe.Pointer(&value)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("switching off the checksums of %s: %w", device, errno)
	}
	return nil
}

// packetSocket receives what comes in at a device, and sends there.
func packetSocket(device string) (int, error) {
	const ignoreOutgoing = 23 // PACKET_IGNORE_OUTGOING, linux/if_packet.h
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return -1, err
	}
	all := uint16(unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		return -1, err
	}
	return fd, errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, ignoreOutgoing, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}),
	)
}

// relay hands frames on until the network is taken down.
func (n *network) relay(from, to int, forth bool) {
	frame := make([]byte, 1<<16)
	for {
		size, err := unix.Read(from, frame)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil && !errors.Is(err, syscall.EAGAIN):
			if !errors.Is(err, syscall.ENETDOWN) {
				return
			}
		}
		fate, ok := n.judge(frame[:max(size, 0)], forth)
		if !ok {
			return
		}
		if size <= 0 || fate == frameLost {
			continue
		}
		if fate == frameLate {
			copied := append([]byte(nil), frame[:size]...)
			n.wait.Go(func() {
				time.Sleep(2 * time.Millisecond)
				_, _ = unix.Write(to, copied) // lost, then, as on any network
			})
			continue
		}
		_, _ = unix.Write(to, frame[:size])
	}
}

const (
	frameKept = iota
	frameLost
	frameLate
)

// judge notes a frame and says what becomes of it; false: the network is gone.
func (n *network) judge(frame []byte, forth bool) (fate int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.random == nil {
		return 0, false
	}
	if len(frame) == 0 {
		return 0, true
	}
	if len(frame) > n.mtu+ethernetHeader {
		n.large++
	}
	p, isTCP := parsePacket(frame)
	if !isTCP {
		return frameKept, true
	}
	p.forth = forth
	switch draw := n.random.Intn(100); {
	case draw < n.lost:
		fate = frameLost
	case draw < n.lost+n.late:
		fate = frameLate
	}
	if n.middlebox != nil && n.middlebox(p, frame) {
		fate = frameLost
	}
	p.lost = fate == frameLost
	n.seen = append(n.seen, p)
	return fate, true
}

// packets are those that were seen since the last time, and fails if any was too large.
func (n *network) packets() []packet {
	n.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.large > 0 {
		n.Errorf("%d frames were larger than the MTU of %d", n.large, n.mtu)
	}
	seen := n.seen
	n.seen = nil
	return seen
}

// inHost is a command that runs on one of the hosts.
func (n *network) inHost(i int, c command) command {
	c.args = append([]string{"nsenter", "--net=/run/netns/" + n.hosts[i].namespace, "--"}, c.args...)
	return c
}

// awaitPort waits until something listens on a port of a host.
func (n *network) awaitPort(i int, p *proc, address string) {
	n.Helper()
	ok := poll(patience(10*time.Second), func() bool {
		connected := false
		n.in(n.hosts[i].namespace, func() error {
			c, err := net.Dial("tcp", address)
			if err == nil {
				connected = true
				c.Close()
			}
			return nil
		})
		return connected || !p.running()
	})
	if !ok || !p.running() {
		n.Fatalf("%s does not listen on %s: %s", p.name, address, tail(p.said(), 2000))
	}
}
