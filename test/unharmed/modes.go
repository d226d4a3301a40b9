package main

import "fmt"

// A mode is how the agent is set.
type mode struct {
	name  string
	about string
	agent bool     // there is one
	args  []string // of the agent
	env   []string // of the agent
	may   []string // headers that it may add
	least int      // percent of the keep-alive requests that have to get some
	both  bool     // the server is a target too
	dies  bool     // the agent is killed, again and again

	// What README says of sockets in a sockmap:
	again   bool // a blocked receive may end with EAGAIN
	notices bool // MSG_ZEROCOPY may be told of by other numbers
	untold  bool // FIONREAD may say 0, on some kernels
}

func modes() []mode {
	traceparent := []string{"traceparent"}
	const every = "tracecontext,baggage,b3,b3multi,jaeger,xray,datadog"
	return []mode{
		{name: "none", about: "no agent"},
		{name: "off", about: "an agent that adds nothing (--no-inject)", agent: true, args: []string{"--no-inject"}},
		{name: "headers", about: "the agent as it is by default", agent: true, may: traceparent, least: 90, again: true, notices: true, untold: true},
		{name: "nonblocking", about: "blocking sockets are left alone (inject_blocking: false)", agent: true,
			env: []string{"THROUGHLINE_INJECT_BLOCKING=false"}, may: traceparent, least: 30, notices: true, untold: true},
		{name: "both", about: "the server is traced too", agent: true, may: traceparent, least: 90, again: true, notices: true, untold: true, both: true},
		{name: "formats", about: "every format of trace context (OTEL_PROPAGATORS)", agent: true, env: []string{"OTEL_PROPAGATORS=" + every},
			may: contexts(), least: 90, again: true, notices: true, untold: true},
		{name: "joins", about: "joins without a byte, both sides traced (propagation: joins)", agent: true,
			env: []string{"THROUGHLINE_PROPAGATION=joins"}, both: true},
		{name: "option", about: "the TCP option beside headers, both sides traced (propagation: {tcp: on})", agent: true,
			env: []string{"THROUGHLINE_PROPAGATION_TCP=on"}, may: traceparent, least: 90, again: true, notices: true, untold: true, both: true},
		{name: "killed", about: "the agent is killed by SIGKILL, again and again", agent: true, may: traceparent, again: true, notices: true, untold: true, dies: true},
	}
}

func find(name string) (mode, error) {
	for _, m := range modes() {
		if m.name == name {
			return m, nil
		}
	}
	return mode{}, fmt.Errorf("there is no mode %q", name)
}
