package e2e

import "testing"

// TestWrappedConnections: a Go service that puts types of its own around its
// connections has one span a request, and not a second one from the sockets.
func TestWrappedConnections(t *testing.T) {
	r := newRig(t)
	s := r.goService(builtService(r), "", "", "-wrapped")
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	for i := range 30 {
		if i%3 == 2 {
			ask.get("/ok", fresh, traced)
		} else {
			ask.get("/ok", traced)
		}
	}
	agent.await(30, ofKind(server))
	ask.compare(agent.stop())
}
