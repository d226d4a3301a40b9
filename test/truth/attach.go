package main

import (
	"context"
	"errors"
	"time"

	"github.com/throughline/throughline/test/stage"
	"github.com/throughline/throughline/test/truth/judge"
)

// Values of options.attach: when the agent comes. If requests were sent before,
// it cannot see all of those, but must not tell anything wrong.
const (
	attachBefore  = "before"  // no connection is open
	attachBetween = "between" // connections are open, and idle
	attachDuring  = "during"  // requests are being sent
)

// settleTime is how long requests are sent before the agent comes, or how long
// none is.
const settleTime = 100 * time.Millisecond

// send sends the requests and starts the agent in the course of it.
func (o *options) send(ctx context.Context, d *driver, flight int, start func() (*stage.Agent, error)) (agent *stage.Agent, requests []judge.Request, err error) {
	var failed error
	early := 0
	switch o.attach {
	case attachBefore:
		if agent, failed = start(); failed == nil {
			requests, err = d.drive(ctx, flight, func(sent int) bool { return sent < o.requests })
		}
	case attachBetween:
		early = o.requests
		requests, err = d.drive(ctx, flight, func(sent int) bool {
			if sent == early && agent == nil && failed == nil {
				time.Sleep(settleTime) // for those in flight: nobody gets another one meanwhile
				agent, failed = start()
			}
			return failed == nil && sent < early+o.requests
		})
	case attachDuring:
		attached := make(chan struct{})
		go func() {
			defer close(attached)
			time.Sleep(settleTime)
			agent, failed = start()
		}()
		requests, err = d.drive(ctx, flight, func(sent int) bool {
			select {
			case <-attached:
				return failed == nil && sent < early+o.requests
			default:
				early = sent + 1
				return true
			}
		})
		<-attached
	}
	for i := range requests[:min(early, len(requests))] {
		requests[i].Early = true
	}
	return agent, requests, errors.Join(failed, err)
}
