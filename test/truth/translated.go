package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A translated network is a router with every service behind it, each in a network
// namespace of its own. Services know each other by addresses and ports that the router
// translates (DNAT), and it hides who calls behind an address and port of its own (SNAT):
// the two ends of a connection share neither addresses nor ports.
type translated struct {
	router string   // name of its namespace
	spaces []string // the services'
}

// servicePort is where every service listens, and firstPublic the port by which the first
// of them is known.
const (
	servicePort = 8080
	firstPublic = 9001
)

// openTranslated makes the router. close must be called.
func openTranslated(ctx context.Context) (*translated, error) {
	t := &translated{router: fmt.Sprintf("throughline-truth-%d-router", os.Getpid())}
	err := t.run(ctx, [][]string{
		{"ip", "netns", "add", t.router},
		{"ip", "-n", t.router, "link", "set", "lo", "up"},
		inside(t.router, "sysctl", "-qw", "net.ipv4.ip_forward=1"),
		inside(t.router, "iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "tcp", "-j", "MASQUERADE", "--random"),
	})
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// inside runs a command in a network namespace, and changes nothing else of it.
func inside(space string, command ...string) []string {
	return append([]string{"nsenter", "--net=" + spaceFile(space)}, command...)
}

func spaceFile(space string) string { return "/run/netns/" + space }

// run runs commands, one after the other.
func (t *translated) run(ctx context.Context, commands [][]string) error {
	for _, c := range commands {
		if out, err := exec.CommandContext(ctx, c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("running %s: %w: %s", strings.Join(c, " "), err, out)
		}
	}
	return nil
}

func (t *translated) place(ctx context.Context) (place, error) {
	n := len(t.spaces) + 1
	space := fmt.Sprintf("throughline-truth-%d-%d", os.Getpid(), n)
	t.spaces = append(t.spaces, space)
	link, gateway, own := fmt.Sprintf("service%d", n), fmt.Sprintf("10.77.%d.1", n), fmt.Sprintf("10.77.%d.2", n)
	virtual, port := fmt.Sprintf("198.18.0.%d", n), strconv.Itoa(firstPublic+n)
	listen := net.JoinHostPort(own, strconv.Itoa(servicePort))
	err := t.run(ctx, [][]string{
		{"ip", "netns", "add", space},
		{"ip", "-n", t.router, "link", "add", link, "type", "veth", "peer", "name", "uplink", "netns", space},
		{"ip", "-n", t.router, "addr", "add", gateway + "/24", "dev", link},
		{"ip", "-n", t.router, "link", "set", link, "up"},
		{"ip", "-n", space, "addr", "add", own + "/24", "dev", "uplink"},
		{"ip", "-n", space, "link", "set", "uplink", "up"},
		{"ip", "-n", space, "link", "set", "lo", "up"},
		{"ip", "-n", space, "route", "add", "default", "via", gateway},
		inside(t.router, "iptables", "-t", "nat", "-A", "PREROUTING", "-d", virtual, "-p", "tcp", "--dport", port,
			"-j", "DNAT", "--to-destination", listen),
	})
	return place{listen: listen, public: net.JoinHostPort(virtual, port), prefix: inside(space)}, err
}

// dial connects from the router's namespace: a socket belongs to the one in which its
// thread made it.
func (t *translated) dial(ctx context.Context, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		leave, err := enter(spaceFile(t.router))
		if err != nil {
			done <- result{err: err}
			return
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp4", address)
		leave()
		done <- result{c, err}
	}()
	r := <-done
	return r.conn, r.err
}

// enter moves the goroutine's thread to a network namespace. leave moves it back; a
// thread for which that fails ends with its goroutine.
func enter(file string) (leave func(), err error) {
	runtime.LockOSThread()
	home, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		return nil, fmt.Errorf("opening the network namespace: %w", err)
	}
	away, err := os.Open(file)
	if err == nil {
		err = unix.Setns(int(away.Fd()), unix.CLONE_NEWNET)
		away.Close()
	}
	if err != nil {
		home.Close()
		return nil, fmt.Errorf("entering a network namespace: %w", err)
	}
	return func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		home.Close()
	}, nil
}

// close removes the namespaces, with what is in them.
func (t *translated) close() error {
	var errs []error
	for _, space := range append(t.spaces, t.router) {
		if _, err := os.Stat(spaceFile(space)); err == nil {
			errs = append(errs, t.run(context.Background(), [][]string{{"ip", "netns", "del", space}}))
		}
	}
	return errors.Join(errs...)
}
