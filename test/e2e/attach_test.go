package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A load asks a service again and again, in a steady small rhythm, and fails the
// test when a request does.
type load struct {
	rig   *rig
	stop  chan struct{}
	wait  sync.WaitGroup
	asked atomic.Int64
}

func (r *rig) newLoad(address string, paths ...string) *load {
	l := &load{rig: r, stop: make(chan struct{})}
	for i, path := range paths {
		ask := r.newAsker(address)
		l.wait.Go(func() {
			ticker := time.NewTicker(5 * time.Millisecond)
			defer ticker.Stop()
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				case <-ticker.C:
				}
				var hows []how
				if (n+i)%3 == 0 {
					hows = append(hows, fresh)
				}
				x, err := ask.ask(path, hows...)
				if err != nil || x.status != 200 {
					r.Errorf("a request failed: %s %d %v", path, x.status, err)
				}
				l.asked.Add(1)
			}
		})
	}
	return l
}

func (l *load) end() int64 {
	close(l.stop)
	l.wait.Wait()
	return l.asked.Load()
}

// TestAttachUnderLoad: a service that is at work loses no request while the agent
// comes, runs, is killed and comes again; and what is killed leaves nothing in
// the kernel.
func TestAttachUnderLoad(t *testing.T) {
	for _, p := range []program{goNet, nginx, pythonThreads, node} {
		t.Run(p.name, func(t *testing.T) {
			before, err := kernelObjects()
			if err != nil {
				t.Fatal(err)
			}
			r := newRig(t)
			down := r.newDownstream()
			s := p.start(r, down.address())
			calls := p.traits.call
			if p.name == nginx.name {
				calls = "/kept"
			}
			l := r.newLoad(s.address, p.traits.ok, calls+"/x", calls+"/slow/y")
			const kills = 5
			for i := range kills {
				agent := r.tracePIDs(s.proc)
				agent.await(20, ofKind(server))
				agent.signal(syscall.SIGKILL)
				<-agent.exited
				if i == kills-1 {
					if left := before.waitForNone(5 * time.Second); left != "" {
						t.Errorf("a killed agent leaves in the kernel: %s", left)
					}
				}
			}
			time.Sleep(100 * time.Millisecond)
			t.Logf("%d requests, none failed", l.end())
			if t.Failed() {
				return
			}
			agent := r.tracePIDs(s.proc)
			ask := r.newAsker(s.address)
			for i := range 10 {
				ask.get(fmt.Sprintf("%s/after-%d", p.traits.call, i), traced)
			}
			agent.await(20, func(span) bool { return true })
			ask.compare(filter(agent.stop(), ofKind(server)))
		})
	}
}

// TestCoreNothingLeft: an agent that ends by itself leaves nothing in the kernel.
func TestCoreNothingLeft(t *testing.T) {
	before, err := kernelObjects()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	s := goSelf.start(r, "")
	agent := r.tracePIDs(s.proc)
	if during, err := before.since(); err != nil || len(during) == 0 {
		t.Fatalf("nothing of the agent's is seen in the kernel while it runs, so that this test would find nothing: %v", err)
	}
	r.newAsker(s.address).get("/ok")
	agent.await(1, ofKind(server))
	agent.stop()
	if left := before.waitForNone(5 * time.Second); left != "" {
		t.Errorf("left in the kernel: %s", left)
	}
}
