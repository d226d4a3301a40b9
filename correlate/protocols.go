package correlate

import (
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/protocol/http1"
	"github.com/throughline/throughline/internal/propagation"
)

// Protocols are all application protocols that are understood. The first that
// recognises a connection gets it. The formats are those of trace context in requests, the
// headers those whose values become attributes.
func Protocols(formats propagation.Formats, headers []string) []flow.Protocol {
	return []flow.Protocol{
		http1.New(formats, headers),
	}
}
