package e2e

import "testing"

// TestDatabaseSystem: a program whose only driver is for PostgreSQL says so of its
// statements.
func TestDatabaseSystem(t *testing.T) {
	r := newRig(t)
	s := r.service(command{args: []string{r.framework("postgres"), "-listen", "{address}"}}, "")
	agent := r.tracePIDs(s.proc)
	ask := r.newAsker(s.address)
	for range 10 {
		ask.get("/")
	}
	agent.await(20, func(span) bool { return true })
	statements := filter(agent.stop(), ofKind(client))
	if len(statements) != 10 {
		t.Errorf("%d spans for 10 statements:%s", len(statements), list(statements))
	}
	for _, s := range statements {
		if got := s.Attributes["db.system.name"]; got != "postgresql" || s.Name != "UPDATE users" || s.Parent == "" {
			t.Errorf("%s: %s of %q", s, s.Name, got)
		}
	}
}
