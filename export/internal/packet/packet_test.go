package packet

import (
	"net"
	"testing"
	"time"
)

// TestBurst: as many packets as a batch has arrive at an agent that is no slower than X-Ray's or Jaeger's, of which none
// asks for a larger buffer than the host's.
func TestBurst(t *testing.T) {
	agent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	const n = 2048
	arrived := make(chan int)
	go func() {
		packet, count := make([]byte, MaxBytes), 0
		for count < n {
			if err := agent.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				break
			}
			if _, _, err := agent.ReadFrom(packet); err != nil {
				break
			}
			count++
		}
		arrived <- count
	}()
	s, err := New(agent.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	packet := make([]byte, 1500)
	for range n {
		if err := s.Send(t.Context(), packet); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-arrived; got != n {
		t.Errorf("%d packets of %d arrive", got, n)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{"localhost:6831": true, "[::1]:1": true, "localhost": false, ":6831": false,
		"localhost:": false, "localhost:0": false, "localhost:70000": false} {
		if _, err := New(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
