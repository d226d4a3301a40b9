package httpspan

import (
	"net/netip"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

// Ends are the two ends of a connection as a process with a role on it sees
// them. The zero value is of a connection of which nothing is known.
type Ends struct {
	Attributes []attribute.KeyValue
	Unix       bool
	Server     string // address to show if a request names none
	Port       int

	peers, servers addressText
}

// addressText is the text of an address; the next one is often the same.
type addressText struct {
	of   netip.Addr
	text string
}

func (a *addressText) write(address netip.Addr) string {
	if a.text == "" || a.of != address {
		a.of, a.text = address, address.String()
	}
	return a.text
}

// Set takes the ends of a connection.
func (e *Ends) Set(c *flow.Conn, role abi.Role) {
	e.clear()
	if c.Family == unix.AF_UNIX {
		e.setUnix(c.Path, role)
		return
	}
	end := c.Local
	if role == abi.RoleClient {
		end = c.Remote
	}
	e.peer(c.Remote, role)
	if end.IsValid() {
		e.Server, e.Port = e.servers.write(end.Addr()), int(end.Port())
	}
}

// SetPeer takes the other end alone.
func (e *Ends) SetPeer(peer netip.AddrPort, role abi.Role) {
	e.clear()
	e.peer(netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()), role)
	if peer.IsValid() && role == abi.RoleClient {
		e.Server, e.Port = e.servers.write(peer.Addr().Unmap()), int(peer.Port())
	}
}

func (e *Ends) clear() {
	e.Attributes, e.Unix, e.Server, e.Port = e.Attributes[:0], false, "", 0
}

// setUnix takes the path of a Unix socket, which names the server's end.
func (e *Ends) setUnix(path string, role abi.Role) {
	e.Unix = true
	e.Attributes = append(e.Attributes, semconv.NetworkTransportUnix)
	if path == "" {
		return
	}
	e.Server = path
	if role == abi.RoleClient {
		e.Attributes = append(e.Attributes, semconv.NetworkPeerAddress(path))
	} else {
		e.Attributes = append(e.Attributes, semconv.NetworkLocalAddress(path))
	}
}

func (e *Ends) peer(peer netip.AddrPort, role abi.Role) {
	if !peer.IsValid() {
		return
	}
	address, port := e.peers.write(peer.Addr()), int(peer.Port())
	e.Attributes = append(e.Attributes, semconv.NetworkPeerAddress(address), semconv.NetworkPeerPort(port))
	if role == abi.RoleServer {
		e.Attributes = append(e.Attributes, semconv.ClientAddress(address), semconv.ClientPort(port))
	}
	kind := semconv.NetworkTypeIPv4
	if peer.Addr().Is6() {
		kind = semconv.NetworkTypeIPv6
	}
	e.Attributes = append(e.Attributes, kind)
}
