package e2e

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

// attachments is how often TestDetach attaches; every fourth agent is killed.
var attachments = flag.Int("attachments", 20, "how often TestDetach attaches")

// TestDetach: a Go service under load, whose server and client are probed, loses
// no request while agents come and go, and what it executes is afterwards byte for
// byte what it was: also when the agent had no chance to take its probes out.
func TestDetach(t *testing.T) {
	before, err := kernelObjects()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	s := goNet.start(r, r.newDownstream().address())
	clean := r.textOf(s)
	l := r.newLoad(s.address, "/ok", "/callnet/x")
	began := time.Now()
	probes, killed := 0, 0
	for i := range *attachments {
		agent := r.tracePIDs(s.proc)
		probed := r.textOf(s).differs(clean)
		if probed == 0 {
			t.Fatal("the service's text is as it was while it is probed, so that this test would find nothing")
		}
		probes = max(probes, probed)
		patience := time.Duration(0)
		if i%4 == 3 {
			agent.await(1, ofKind(client))
			agent.signal(syscall.SIGKILL)
			<-agent.exited
			killed++
			patience = 5 * time.Second // the kernel takes away what nobody holds, in its own time
		} else {
			agent.signal(syscall.SIGINT)
			if status := agent.wait(10 * time.Second); status != 0 {
				t.Fatalf("the agent's exit status is %d: %s", status, agent.said())
			}
		}
		if !poll(patience, func() bool { return r.textOf(s).differs(clean) == 0 }) {
			t.Fatalf("attachment %d: %d bytes of the service's text are not what they were", i, r.textOf(s).differs(clean))
		}
	}
	took := time.Since(began)
	asked := l.end()
	if left := before.waitForNone(5 * time.Second); left != "" {
		t.Errorf("left in the kernel: %s", left)
	}
	t.Logf("%d attachments in %s, %d of them ended by SIGKILL: %d requests, of which none may have failed; of %d bytes of text in %d mappings "+
		"%d differ while probed and %d afterwards", *attachments, took.Round(time.Second), killed, asked, clean.bytes(), len(clean), probes, r.textOf(s).differs(clean))
}

func (r *rig) textOf(s *service) text {
	r.Helper()
	found, err := s.text()
	if err != nil {
		r.Fatalf("reading the text of %s: %v", s.name, err)
	}
	return found
}
