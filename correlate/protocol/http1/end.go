package http1

import (
	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

// End implements flow.Parser.
func (p *parser) End(e flow.Ending) {
	if p.done {
		return
	}
	if e.Reason == flow.EndLeftOut {
		p.leaveOut()
		return
	}
	if p.waiting() > 0 {
		p.endFirst(e)
	}
	if e.Reason == flow.EndQuiet {
		return
	}
	for p.waiting() > 0 {
		if e.Reason == flow.EndForget {
			p.sink.Drop(flow.DropForgotten)
			p.pop()
			continue
		}
		p.finish(e.Time, outcome{err: errorType(e)})
	}
	p.status, p.lost, p.forming = 0, false, request{}
	for d := range p.streams {
		p.streams[d].reset(phaseLost)
	}
}

// endFirst ends the exchange whose response was begun, if there is one.
func (p *parser) endFirst(e flow.Ending) {
	answers := &p.streams[p.ask^1]
	if p.lost {
		p.finishLost(answers.last)
		return
	}
	if p.status == 0 {
		return
	}
	last := answers.last
	torn := e.Reason == flow.EndReset || e.Reason == flow.EndTimeout
	switch answers.phase {
	case phaseCut, phaseBlind, phaseClose:
		if e.Reason == flow.EndQuiet && answers.phase != phaseCut {
			return
		}
		o := outcome{size: answers.size, sized: answers.phase == phaseClose}
		if torn && (answers.phase == phaseClose || e.Reason == flow.EndReset) {
			o = outcome{err: errorType(e)}
			last = e.Time
		}
		answers.reset(phaseLost)
		p.finish(last, o)
	case phaseLength, phaseChunked:
		switch e.Reason {
		case flow.EndQuiet:
		case flow.EndForget:
			p.finish(last, outcome{})
		default:
			p.finish(e.Time, outcome{err: errorType(e)})
		}
	}
}

// errorType names the way in which an exchange was cut short.
func errorType(e flow.Ending) string {
	switch e.Reason {
	case flow.EndReset:
		if e.Errno == int32(unix.ETIMEDOUT) {
			return httpspan.Timeout
		}
		return httpspan.Reset
	case flow.EndTimeout:
		return httpspan.Timeout
	case flow.EndExit:
		return httpspan.Exit
	}
	return httpspan.Closed
}
