package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"
)

// stopTime is what a program has to end by itself, in an emulated machine too.
const stopTime = 30 * time.Second

// A Program is one that runs, or ran, on a stage.
type Program struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // from Wait, valid when done is closed
}

func (p *Program) wait() {
	p.err = p.cmd.Wait()
	close(p.done)
}

// PID returns the program's process id.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Program) Done() <-chan struct{} { return p.done }

// Err says how the program ended.
func (p *Program) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop ends the program with SIGTERM, and by force if that does not help. It
// returns when the program is gone.
func (p *Program) Stop() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone, which is what is wanted
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTime):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return fmt.Errorf("stopping %s: it did not end within %v", p.name, stopTime)
}

// Kill ends the program by SIGKILL and returns when it is gone. One that had ended
// before is an error.
func (p *Program) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.done
	return nil
}

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Await waits until the program accepts connections at the address.
func (p *Program) Await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.done:
			return fmt.Errorf("waiting for %s to listen: it has ended: %w", p.name, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to listen: %w", p.name, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
