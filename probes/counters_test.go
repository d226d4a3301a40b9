package probes

import "testing"

// TestDropNames: every reason has a label, and no two share one.
func TestDropNames(t *testing.T) {
	seen := map[string]bool{}
	for reason, name := range dropNames {
		if name == "" || seen[name] {
			t.Errorf("reason %d is called %q", reason, name)
		}
		seen[name] = true
	}
}
