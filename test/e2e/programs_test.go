package e2e

import "testing"

// programs are all that can be asked the same things.
var programs = []program{
	httpServer, pythonThreads, gunicorn, node, javaServer, tomcat, goNet, nginx,
}

// TestPrograms asks each program a thousand times and more.
func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) { checkProgram(t, p, 1000) })
	}
}
