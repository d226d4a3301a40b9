package correlate

import (
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/protocol/http1"
)

// Protocols are all application protocols that are understood. The first that
// recognises a connection gets it.
func Protocols() []flow.Protocol {
	return []flow.Protocol{
		http1.Protocol{},
	}
}
