package correlate

import (
	"sync/atomic"

	"github.com/throughline/throughline/correlate/library"
	"github.com/throughline/throughline/internal/telemetry"
	"github.com/throughline/throughline/probes/event"
)

// calls makes spans of the requests that libraries' probes report.
type calls struct {
	decoders []library.Decoder // by enum library; nil: none

	decoded atomic.Uint64
	unknown atomic.Uint64 // of libraries that this agent does not know
}

func (c *calls) decoder(number uint16) library.Decoder {
	if int(number) >= len(c.decoders) {
		return nil
	}
	return c.decoders[number]
}

// call takes one call event.
func (c *Correlator) call(ev *event.Event) {
	conn := c.flow.Call(&ev.Header)
	d := c.calls.decoder(ev.Call.Library)
	if d == nil {
		c.calls.unknown.Add(1)
		return
	}
	c.calls.decoded.Add(1)
	c.exchange(d.Exchange(ev, conn))
}

func (c *calls) samples() []telemetry.Sample {
	return []telemetry.Sample{
		{Name: "calls", Noun: "exchanges", Help: "Requests that a library's probes reported.", Value: c.decoded.Load()},
		telemetry.Lost("unknown_library", c.unknown.Load()),
	}
}
