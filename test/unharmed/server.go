package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A server plays the server's part of every stream and compares what arrives.
type server struct {
	maker    *maker
	may      []header
	joined   bool          // the agent may come when connections are open
	deadline time.Duration // of a turn
	tally    *tally
	conns    sync.WaitGroup
}

// pause is what a sluggish reader waits, and what is waited between pieces.
const pause = 200 * time.Microsecond

// serve returns when the listener is closed and the streams have ended.
func (s *server) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		s.conns.Go(func() { s.converse(c.(*net.TCPConn)) })
	}
	s.conns.Wait()
}

func (s *server) converse(c *net.TCPConn) {
	defer c.Close()
	number, err := streamOf(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
	if err != nil {
		s.tally.blame(0, "?", "server", err)
		return
	}
	p := s.maker.plan(number)
	x := &listener{server: s, conn: c, plan: &p, sum: counts{}}
	if err := x.run(); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = breaches(hung, "%v", err)
		}
		s.tally.blame(number, p.kind, "server", err)
	}
	s.tally.add(p.kind, x.sum)
}

// A listener is the server's side of one stream.
type listener struct {
	server *server
	conn   *net.TCPConn
	plan   *plan
	sum    counts
	rest   []byte // has come, and belongs to the next turn
	buffer []byte
	end    bool // the client has said that it sends no more
}

func (x *listener) run() error {
	if err := x.prepare(); err != nil {
		return err
	}
	if len(x.plan.greeted) > 0 {
		if _, err := x.conn.Write(x.plan.greeted); err != nil {
			return err
		}
	}
	for i := range x.plan.turns {
		t := x.plan.turn(i)
		m := newMatch(t, x.server.may, x.server.joined)
		if err := x.lasts(); err != nil {
			return err
		}
		err := x.hear(t, m)
		x.sum.Headers += m.added
		x.sum.Blocks += m.blocks
		x.sum.Extra += m.extra
		x.sum.Heard += m.at
		if x.plan.ending == clientResets && i == x.plan.turns-1 && gone(err) {
			return nil // what was on its way is lost
		}
		if err != nil {
			return err
		}
	}
	return x.finish()
}

// lasts begins a turn, which may take so long.
func (x *listener) lasts() error { return x.conn.SetDeadline(time.Now().Add(x.server.deadline)) }

func (x *listener) prepare() error {
	if err := x.lasts(); err != nil {
		return err
	}
	s := x.plan.socket
	size := 16 << 10
	if s.sluggish {
		size = 1 << 10
	}
	x.buffer = make([]byte, size)
	if s.roomBuffer > 0 {
		if err := x.conn.SetReadBuffer(s.roomBuffer); err != nil {
			return err
		}
	}
	if !s.urgent {
		return nil
	}
	raw, err := x.conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1)
	})
	return errors.Join(err, set)
}

// hear receives a turn and answers what is due.
func (x *listener) hear(t *turn, m *match) error {
	answers := t.answers
	for {
		for len(answers) > 0 && answers[0].after <= m.at && len(m.held) == 0 && (!answers[0].atEnd || x.end) {
			if err := x.say(answers[0]); err != nil {
				return err
			}
			answers = answers[1:]
		}
		if m.done() && (!t.ends || x.end) && len(answers) == 0 {
			return nil
		}
		in := x.rest
		x.rest = nil
		if len(in) == 0 {
			if x.end {
				return x.short(m)
			}
			n, err := x.conn.Read(x.buffer)
			if err == io.EOF {
				if err := x.short(m); err != nil {
					return err
				}
				x.end = true
				continue
			}
			if err != nil {
				return err
			}
			in = x.buffer[:n]
			if x.plan.socket.sluggish && rand.IntN(8) == 0 {
				time.Sleep(pause)
			}
		}
		rest, err := m.take(in)
		if err != nil {
			return breaches(different, "%v", err)
		}
		if len(rest) > 0 && t.ends {
			return breaches(different, "%q arrives behind the last of %d bytes", clip(rest), m.at)
		}
		x.rest = append([]byte(nil), rest...)
		if len(rest) > 0 && len(answers) > 0 {
			return breaches(different, "%q arrives before the answer to %q", clip(rest), clip(t.text))
		}
	}
}

// short is called when the client sends no more.
func (x *listener) short(m *match) error {
	if err := m.finish(); err != nil {
		return breaches(different, "%v", err)
	}
	return nil
}

func (x *listener) say(a answer) error {
	text := a.text
	for _, n := range a.pieces {
		n = min(n, len(text))
		if n == 0 {
			continue
		}
		if _, err := x.conn.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
		time.Sleep(pause)
	}
	_, err := x.conn.Write(text)
	x.sum.Sent += len(a.text)
	return err
}

// finish ends the stream: nothing more may come.
func (x *listener) finish() error {
	if len(x.rest) > 0 {
		return breaches(different, "%q arrives behind the last turn", clip(x.rest))
	}
	switch x.plan.ending {
	case serverResets:
		time.Sleep(rand.N(2 * time.Millisecond)) // the client waits by then, or not yet
		return x.conn.SetLinger(0)
	case serverEnds:
		if err := x.conn.CloseWrite(); err != nil {
			return err
		}
	}
	if x.end {
		return nil
	}
	n, err := x.conn.Read(x.buffer)
	if n > 0 {
		return breaches(different, "%q arrives behind the last turn", clip(x.buffer[:n]))
	}
	if err == io.EOF || x.plan.ending == clientResets && gone(err) {
		return nil
	}
	return err
}

// gone tells whether the other side has reset.
func gone(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// listen listens on loopback, with TCP Fast Open where the host lets servers have
// it (RFC 7413).
func listen(ctx context.Context) (net.Listener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 128) })
	}}
	return c.Listen(ctx, "tcp4", "127.0.0.1:0")
}
