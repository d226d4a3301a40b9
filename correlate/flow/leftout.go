package flow

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/event"
)

// The kernel leaves out the events of exchanges that are not sampled, and says so
// with the next event that it sends (FlagResumed), or with the last one of what it
// had begun to tell (FlagUnsampled). What lies between is no gap.

func has(h *abi.EventHeader, f abi.EventFlag) bool { return h.Flags&uint16(f) != 0 }

// resume goes on behind what was left out, at the beginning of a request.
func (c *connection) resume(ev *event.Event, others uint64) {
	e := &ev.Data
	c.position[e.Direction] = max(c.position[e.Direction], e.Offset)
	c.position[e.Direction^1] = max(c.position[e.Direction^1], others)
	c.leaveOut(e.Start)
}

// void takes the event that ends the head of a request that is not sampled.
func (c *connection) void(ev *event.Event) {
	e := &ev.Data
	c.position[e.Direction] = max(c.position[e.Direction], e.Offset+uint64(e.Length))
	c.leaveOut(ev.Header.Ktime)
}

// leaveOut says the parser, or who looks for one, that exchanges follow of which
// nothing is told.
func (c *connection) leaveOut(now uint64) {
	if c.parser == nil {
		c.interruptSniffing()
		return
	}
	c.parser.End(Ending{Reason: EndLeftOut, Time: now})
	c.review(now)
}
