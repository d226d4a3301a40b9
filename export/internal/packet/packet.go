// Package packet sends datagrams to an agent, which answers nothing: that a packet was sent is all that is known. A host
// that refuses one says so only when the next is sent.
package packet

import (
	"context"
	"fmt"
	"net"

	"github.com/throughline/throughline/export/internal/failure"
)

// MaxBytes is how large a packet may be: what Jaeger's agents take (UDPPacketMaxLength in its clients), and less than
// the 65,507 bytes that UDP over IPv4 can carry.
const MaxBytes = 65000

// A Sender sends to one address, whose name is looked up again after each failure.
type Sender struct {
	address string
	conn    net.Conn
}

// New checks the address, which is host:port.
func New(address string) (*Sender, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q is not host:port", address)
	}
	if _, err := net.DefaultResolver.LookupPort(context.Background(), "udp", port); err != nil || port == "" || port == "0" {
		return nil, fmt.Errorf("endpoint %q has no port between 1 and 65535", address)
	}
	if host == "" {
		return nil, fmt.Errorf("endpoint %q names no host", address)
	}
	return &Sender{address: address}, nil
}

// Send sends one packet, or returns a *failure.Error.
func (s *Sender) Send(ctx context.Context, b []byte) error {
	if err := ctx.Err(); err != nil {
		return failure.OfTransport(err)
	}
	if s.conn == nil {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "udp", s.address)
		if err != nil {
			return failure.OfTransport(err)
		}
		s.conn = conn
	}
	if _, err := s.conn.Write(b); err != nil {
		s.Close()
		return failure.OfTransport(err)
	}
	return nil
}

// Close closes the socket.
func (s *Sender) Close() {
	if s.conn != nil {
		_ = s.conn.Close() // there is nothing in it that could be lost
		s.conn = nil
	}
}
