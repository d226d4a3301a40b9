package http1

import "github.com/throughline/throughline/correlate/flow"

// leaveOut goes on where other exchanges follow of which nothing is told. Those that
// are open were answered before: what said so was lost, or is not to be seen.
func (p *parser) leaveOut() {
	p.nextRequest()
	answers := &p.streams[p.ask^1]
	if p.waiting() > 0 && p.status != 0 {
		p.finish(answers.last, outcome{})
	}
	if p.waiting() > 0 {
		p.loseResponse(flow.DropLostHead)
		p.finishLost(answers.last)
	}
	p.status, p.lost, p.forming = 0, false, request{}
	for d := range p.streams {
		p.streams[d].reset(phaseLost)
	}
}
