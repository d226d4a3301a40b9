// Package e2e holds the end-to-end tests: programs that nobody here wrote are
// started, traced with the built agent, asked for something, and what the agent
// says is compared with what was asked.
//
// The tests run as root and need bin/throughline (make) and the programs that
// make install-test installs. Each test has a cgroup of its own in which all of
// its processes live; at its end nothing may be left in it. Tests named TestCore
// need only what a minimal test machine has and run there for every flavour.
package e2e
