package main

import (
	"context"
	"net"
	"os/exec"

	"github.com/throughline/throughline/test/stage"
)

// A network is where services run and how they reach each other.
type network interface {
	// place makes room for one more service.
	place(ctx context.Context) (place, error)
	// dial connects the driver to the address at which a service listens.
	dial(ctx context.Context, address string) (net.Conn, error)
	// close takes it down; the services have ended.
	close() error
}

// A place is where one service runs.
type place struct {
	listen string // address at which it listens
	public string // address by which the other services know it
	prefix []string
}

// command describes a program that runs there.
func (p place) command(file string, args []string) *exec.Cmd {
	line := append(append([]string{}, p.prefix...), append([]string{file}, args...)...)
	return exec.Command(line[0], line[1:]...)
}

// newNetwork makes the loopback one, or one of translated addresses.
func newNetwork(ctx context.Context, translated bool) (network, error) {
	if !translated {
		return loopback{}, nil
	}
	return openTranslated(ctx)
}

// loopback is this host's own.
type loopback struct{}

func (loopback) place(context.Context) (place, error) {
	address, err := stage.FreeAddress()
	return place{listen: address, public: address}, err
}

func (loopback) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

func (loopback) close() error { return nil }
