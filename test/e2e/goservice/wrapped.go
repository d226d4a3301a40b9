package goservice

import "net"

// wrappedListener gives connections as etcd has them, whose listeners limit
// connections, keep them alive and sort them by protocol.
type wrappedListener struct{ net.Listener }

type keptAlive struct{ *net.TCPConn }

type counted struct {
	net.Conn
	n int
}

func (l wrappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &counted{Conn: &counted{Conn: &keptAlive{c.(*net.TCPConn)}}}, nil
}
