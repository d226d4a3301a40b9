package e2e

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// carried switches the TCP option on in an agent.
var carried = []string{"THROUGHLINE_PROPAGATION_TCP=on"}

// Two hosts with a Go program each, and an agent each, if it is asked for. Each side has
// a cgroup of its own, since programs hang on those.
type pair struct {
	*network
	client, server           *rig
	caller                   *service // listens on a Unix socket for what to ask
	callee                   *proc
	address                  string
	asked                    int // requests so far
	clientAgent, serverAgent *agent
}

// What a test varies of them.
type pairOptions struct {
	mtu        int // 0: 1500
	lost, late int
	ipv6       bool
	plain      bool // no TLS
	// Whose agent is there, and whether it is there before the server listens.
	noClientAgent, noServerAgent bool
	agentFirst                   bool
	propagation                  string
}

const pairPort = "8443"

func newPair(t *testing.T, o pairOptions) *pair {
	t.Helper()
	if o.mtu == 0 {
		o.mtu = 1500
	}
	h := &pair{client: newRig(t), server: newRig(t)}
	h.network = h.server.network(o.mtu)
	h.mu.Lock()
	h.lost, h.late = o.lost, o.late
	h.mu.Unlock()
	env := carried
	if o.propagation != "" {
		env = append([]string{"THROUGHLINE_PROPAGATION=" + o.propagation}, env...)
	}

	h.address = net.JoinHostPort(h.hosts[1].v4, pairPort)
	if o.ipv6 {
		h.address = net.JoinHostPort(h.hosts[1].v6, pairPort)
	}
	service := self() // a test machine has no toolchain
	if !settings.vm {
		service = builtService(h.server)
	}
	role := envRole + "=" + roleService
	line := []string{service, "-listen", h.address}
	if !o.plain {
		line = append(line, "-tls")
	}
	if o.agentFirst {
		line = append([]string{settings.binary, "trace", "--flavour", settings.flavour, "-o", "json", "--"}, line...)
		h.serverAgent = h.server.runAgent(h.inHost(1, command{args: line, env: append([]string{role}, env...)}))
		h.callee = h.serverAgent.proc
		h.serverAgent.awaitAttached()
	} else {
		h.callee = h.server.start(h.inHost(1, command{args: line, env: []string{role}}))
	}
	h.awaitPort(1, h.callee, h.address)
	if !o.agentFirst && !o.noServerAgent {
		h.serverAgent = h.server.startAgentIn(env, "trace", "-o", "json", "--pid", number(h.callee.pid()))
		h.serverAgent.awaitAttached()
	}

	h.caller = h.client.service(h.inHost(0, command{args: []string{service, "-listen", "{address}"}, env: []string{role}}), h.client.path("ask"))
	if !o.noClientAgent {
		h.clientAgent = h.client.startAgentIn(env, "trace", "-o", "json", "--pid", number(h.caller.pid()))
		h.clientAgent.awaitAttached()
	}
	h.warmUp(o)
	h.packets() // of the beginning
	return h
}

// warmUp asks the server until its agent tells of it: an agent that starts a program knows
// only then what it is.
func (h *pair) warmUp(o pairOptions) {
	h.Helper()
	if h.serverAgent == nil {
		return
	}
	if !poll(patience(20*time.Second), func() bool {
		h.in(h.hosts[1].namespace, func() error { return h.getOK(o) })
		return len(filter(h.serverAgent.spans(), ofPath(server, "/ok"))) > 0
	}) {
		h.Fatalf("the server's agent tells of nothing: %s", h.serverAgent.said())
	}
}

// getOK asks the server on a connection that is made in the namespace of the thread.
func (h *pair) getOK(o pairOptions) error {
	c, err := net.Dial("tcp", h.address)
	if err != nil {
		return err
	}
	defer c.Close()
	if !o.plain {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c)
	return err
}

// A trial is what the caller is asked to do.
type trial struct {
	requests, connections, body, answer int
}

// ask has the caller send its requests, all of which have to come back byte for byte.
func (h *pair) ask(o pairOptions, t trial) {
	h.Helper()
	scheme := "https"
	if o.plain {
		scheme = "http"
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", h.caller.address)
		},
	}, Timeout: patience(60 * time.Second)}
	response, err := client.Get(fmt.Sprintf("http://caller/load?base=%s://%s&first=%d&requests=%d&connections=%d&body=%d&answer=%d",
		scheme, h.address, h.asked, t.requests, t.connections, t.body, t.answer))
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || string(text) != fmt.Sprintf("%d good\n", t.requests) {
		h.Fatalf("of %d requests: %s (%v)", t.requests, text, err)
	}
	h.asked += t.requests
}

// joined compares what the two agents say: how many of the requests are children of who
// sent them, and fails if any has another parent.
func (h *pair) joined() int {
	h.Helper()
	requests := h.asked
	sent := map[string]span{}
	for _, s := range h.clientAgent.await(requests, mirrored(client)) {
		sent[s.path()] = s
	}
	if len(sent) != requests {
		h.Errorf("%d client spans came of %d requests", len(sent), requests)
	}
	served := h.serverAgent.await(requests, mirrored(server))
	if len(served) != requests {
		h.Errorf("%d server spans came of %d requests", len(served), requests)
	}
	n := 0
	for _, s := range served {
		switch c := sent[s.path()]; {
		case s.Parent == c.ID && s.Trace == c.Trace:
			n++
		case s.Parent != "":
			h.Errorf("%s has a wrong parent: it was sent as %s", s, c)
		}
	}
	return n
}

func mirrored(kind int) func(span) bool {
	return func(s span) bool { return s.Kind == kind && strings.HasPrefix(s.path(), "/mirror/") }
}

// wireOptions is what the wire had of the agent's option.
type wireOptions struct {
	syn, repeats, answers, contexts, spans int
	strange                                []packet // with an option where there should be none
}

// readOptions sorts the packets; one that was sent again counts once.
func readOptions(packets []packet) wireOptions {
	type place struct {
		from, to netip.AddrPort
		seq      uint32
	}
	var o wireOptions
	seen, spans := map[place]bool{}, map[string]bool{}
	connections := map[netip.AddrPort]bool{}
	for _, p := range packets {
		_, span, hasContext := p.context()
		switch {
		case p.flags&flagSYN != 0 && p.announces() && p.flags&flagACK == 0:
			o.syn++
		case p.announces() && p.forth && p.flags&flagSYN == 0:
			o.repeats++
		case p.announces() && !p.forth:
			if !connections[p.to] {
				connections[p.to] = true
				o.answers++
			}
		case hasContext && p.forth && p.data > 0 && p.flags&flagSYN == 0:
			at := place{p.from, p.to, p.seq}
			if !seen[at] {
				seen[at] = true
				o.contexts++
			}
			spans[hex.EncodeToString(span)] = true
		case p.experimental() > 0:
			o.strange = append(o.strange, p)
		}
	}
	o.spans = len(spans)
	return o
}

// TestTCPOption: over TLS, where nobody can add a header, the request that one host
// serves is the child of the one that another host has sent.
func TestTCPOption(t *testing.T) {
	for name, o := range map[string]pairOptions{
		"listened before the agent": {},
		"listens under the agent":   {agentFirst: true},
		"IPv6":                      {ipv6: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPair(t, o)
			for _, tr := range []trial{{requests: 300, connections: 1}, {requests: 300, connections: 32}} {
				h.ask(o, tr)
				found := readOptions(h.packets())
				if found.syn != tr.connections || found.answers != tr.connections || found.contexts != tr.requests ||
					found.spans != tr.requests || len(found.strange) != 0 {
					t.Errorf("on the wire: %+v, want announcements, answers and contexts of %+v", found, tr)
				}
			}
			if n := h.joined(); n != h.asked {
				t.Errorf("%d of %d requests are joined", n, h.asked)
			}
		})
	}
}

// TestTCPOptionSizes: no packet is larger than the path's MTU, whatever the size of the
// request; what is sent comes back byte for byte, and is joined.
func TestTCPOptionSizes(t *testing.T) {
	for _, o := range []pairOptions{{mtu: 1500}, {mtu: 576}, {mtu: 1280, ipv6: true}, {mtu: 9000, agentFirst: true}} {
		t.Run(fmt.Sprintf("MTU %d", o.mtu), func(t *testing.T) {
			h := newPair(t, o)
			for _, tr := range []trial{
				{requests: 60, connections: 4, body: o.mtu - 300, answer: 1}, // about a segment
				{requests: 60, connections: 4, body: 3 * o.mtu, answer: 5000},
				{requests: 40, connections: 2, body: 1 << 20, answer: 1 << 20},
			} {
				h.ask(o, tr)
				packets := h.packets()
				found := readOptions(packets)
				if found.spans != tr.requests || len(found.strange) != 0 {
					t.Errorf("on the wire: %+v, want %d spans", found, tr.requests)
				}
				t.Logf("%d requests of %d bytes: %d packets, %d with a context", tr.requests, tr.body, len(packets), found.contexts)
			}
			if n := h.joined(); n != h.asked {
				t.Errorf("%d of %d requests are joined", n, h.asked)
			}
		})
	}
}

// TestTCPOptionAlone: where the other side has no agent, nothing but the announcement is
// added to what is sent, and all goes on as ever.
func TestTCPOptionAlone(t *testing.T) {
	tr := trial{requests: 200, connections: 8, body: 5000, answer: 20000}
	t.Run("client", func(t *testing.T) {
		o := pairOptions{noServerAgent: true}
		h := newPair(t, o)
		h.ask(o, tr)
		packets := h.packets()
		found := readOptions(packets)
		if found.syn != tr.connections || found.answers+found.contexts != 0 || len(found.strange) != 0 {
			t.Errorf("on the wire: %+v, want %d announcements", found, tr.connections)
		}
		if late := announcedLate(packets); len(late) != 0 {
			t.Errorf("%d segments announce behind data that was acknowledged: %+v", len(late), late[0])
		}
	})
	t.Run("server", func(t *testing.T) {
		for _, first := range []bool{false, true} {
			o := pairOptions{noClientAgent: true, agentFirst: first}
			h := newPair(t, o)
			h.ask(o, tr)
			for _, p := range h.packets() {
				if p.experimental() != 0 {
					t.Fatalf("there is an option in %+v", p)
				}
			}
		}
	})
}

// announcedLate are the client's segments with an announcement behind those whose data the
// server has acknowledged.
func announcedLate(packets []packet) (late []packet) {
	first, done := map[netip.AddrPort]uint32{}, map[netip.AddrPort]uint32{}
	for _, p := range packets {
		acked, isAcked := done[p.from]
		switch {
		case p.forth && p.flags&flagSYN != 0:
			first[p.from] = p.seq + 1
		// What the server sent behind its acknowledgement has come: before, they may cross.
		case p.forth && p.announces() && isAcked && int32(p.ack-acked) > 0:
			late = append(late, p)
		case !p.forth && p.flags&flagSYN == 0 && int32(p.ack-first[p.to]) > 0:
			if _, known := done[p.to]; !known {
				done[p.to] = p.seq
			}
		}
	}
	return late
}

// TestTCPOptionLoss: on a path that loses packets and changes their order, requests lack a
// parent where a connection's first packets were lost, and have no wrong one.
func TestTCPOptionLoss(t *testing.T) {
	for name, o := range map[string]pairOptions{
		"loss":               {lost: 2},
		"order":              {late: 10},
		"both":               {lost: 3, late: 10, mtu: 600},
		"listens under both": {lost: 3, late: 10, agentFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPair(t, o)
			for _, tr := range []trial{
				{requests: 200, connections: 16, body: 10},
				{requests: 100, connections: 8, body: 20000, answer: 20000},
			} {
				h.ask(o, tr)
			}
			n := h.joined()
			lost := 0
			for _, p := range h.packets() {
				if p.lost {
					lost++
				}
			}
			t.Logf("%d packets lost; %d of %d requests are joined", lost, n, h.asked)
			if (lost == 0) != (o.lost == 0) {
				t.Errorf("%d packets were lost", lost)
			}
			if n < h.asked/2 {
				t.Errorf("%d of %d requests are joined", n, h.asked)
			}
		})
	}
}

// TestTCPOptionPlain: without TLS the option carries what no header does, and nothing
// where there is one.
func TestTCPOptionPlain(t *testing.T) {
	tr := trial{requests: 100, connections: 4, body: 100}
	for propagation, contexts := range map[string]int{"joins": tr.requests, "auto": 0} {
		t.Run(propagation, func(t *testing.T) {
			o := pairOptions{plain: true, propagation: propagation, agentFirst: true}
			h := newPair(t, o)
			h.ask(o, tr)
			if n := h.joined(); n != tr.requests {
				t.Errorf("%d of %d requests are joined", n, tr.requests)
			}
			if found := readOptions(h.packets()); found.spans != contexts || len(found.strange) != 0 {
				t.Errorf("on the wire: %+v, want %d contexts", found, contexts)
			}
		})
	}
}

// TestTCPOptionEnd: connections outlive the agents, and lose their options with them.
func TestTCPOptionEnd(t *testing.T) {
	o := pairOptions{}
	h := newPair(t, o)
	tr := trial{requests: 50, connections: 4, body: 3000}
	h.ask(o, tr)
	h.clientAgent.stop()
	h.serverAgent.stop()
	h.packets()
	h.ask(o, tr)
	for _, p := range h.packets() {
		if p.experimental() != 0 {
			t.Fatalf("there is an option in %+v", p)
		}
	}
}

// A middlebox is what may stand on a path.
type middlebox struct {
	name     string
	does     func(p packet, frame []byte) (drop bool)
	contexts bool // are written nevertheless
}

// blank makes an option none.
func blank(option []byte) {
	for i := range option {
		option[i] = 1 // no operation
	}
}

// onContexts changes the options that carry a context.
func onContexts(change func(option []byte)) func(p packet, frame []byte) bool {
	return func(p packet, frame []byte) bool {
		if _, _, ok := p.context(); ok {
			rewriteOptions(frame, change)
		}
		return false
	}
}

// TestTCPOptionMiddlebox: what stands on the path may clear options and drop what has one:
// connections work, and no request has a wrong parent.
func TestTCPOptionMiddlebox(t *testing.T) {
	last := checkMiddleboxes(t, []middlebox{
		{name: "clears options", does: func(p packet, frame []byte) bool {
			if p.experimental() > 0 {
				rewriteOptions(frame, blank)
			}
			return false
		}},
		{name: "drops what has options", does: func(p packet, _ []byte) bool { return p.experimental() > 0 }},
		{name: "drops SYNs with options", does: func(p packet, _ []byte) bool { return p.experimental() > 0 && p.flags&flagSYN != 0 }},
		{name: "drops answers", does: func(p packet, _ []byte) bool { return p.experimental() > 0 && !p.forth }},
		{name: "of another experiment", does: onContexts(func(o []byte) { o[2] ^= 0x80 }), contexts: true},
	})
	if strings.Contains(last, "tcp_option_invalid") {
		t.Errorf("the server's agent says: %s", last)
	}
}

// TestTCPOptionNonsense: what comes in an option is nobody's parent if it makes no sense.
func TestTCPOptionNonsense(t *testing.T) {
	for _, box := range []middlebox{
		{name: "trace id of zeros", does: onContexts(func(o []byte) { clear(o[4:20]) }), contexts: true},
		{name: "span id of zeros", does: onContexts(func(o []byte) { clear(o[20:]) }), contexts: true},
		{name: "short", does: onContexts(func(o []byte) { o[1] = 12; blank(o[12:]) }), contexts: true},
		{name: "no ids", does: onContexts(func(o []byte) { o[3] |= 3; o[1] = 4; blank(o[4:]) }), contexts: true},
	} {
		t.Run(box.name, func(t *testing.T) {
			if last := checkMiddleboxes(t, []middlebox{box}); !strings.Contains(last, "tcp_option_invalid") {
				t.Errorf("the server's agent says: %s", last)
			}
		})
	}
}

// checkMiddleboxes asks through each, and gives the last words of the server's agent.
func checkMiddleboxes(t *testing.T, boxes []middlebox) string {
	t.Helper()
	o := pairOptions{}
	h := newPair(t, o)
	for _, box := range boxes {
		h.mu.Lock()
		h.middlebox = box.does
		h.mu.Unlock()
		h.ask(o, trial{requests: 40, connections: 4, body: 3000})
		if found := readOptions(h.packets()); (found.contexts > 0) != box.contexts {
			t.Errorf("%s: on the wire: %+v", box.name, found)
		}
	}
	if n := h.joined(); n != 0 {
		t.Errorf("%d requests are joined", n)
	}
	h.serverAgent.stop()
	return h.serverAgent.lastLine()
}
