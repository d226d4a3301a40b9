// Package packet sends datagrams to an agent, which answers nothing: that a packet was sent is all that is known. A host
// that refuses one says so only when the next is sent.
package packet

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/throughline/throughline/export/internal/failure"
)

// MaxBytes is how large a packet may be: what Jaeger's agents take (UDPPacketMaxLength in its clients), and less than
// the 65,507 bytes that UDP over IPv4 can carry.
const MaxBytes = 65000

// What goes out at once, in bytes, and the pause behind it. An agent's socket holds 208 KiB where nobody set anything
// else (net.core.rmem_default), packets' overhead included, and what is too much for it is lost without a word.
const (
	burst = 32 << 10
	pause = time.Millisecond
)

// A Sender sends to one address, whose name is looked up again after each failure.
type Sender struct {
	address string
	conn    net.Conn
	sent    int // since the last pause
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
	if s.sent += len(b); s.sent >= burst {
		s.sent = 0
		time.Sleep(pause)
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
