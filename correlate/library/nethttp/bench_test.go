package nethttp

import (
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/probes/event"
)

// BenchmarkExchange is one call from its record to the exchange. Every other is
// of another path.
func BenchmarkExchange(b *testing.B) {
	for name, role := range map[string]abi.Role{"server": abi.RoleServer, "client": abi.RoleClient} {
		conn := accepted
		if role == abi.RoleClient {
			conn = dialled
		}
		b.Run(name, func(b *testing.B) {
			c := call{status: 200, version: http11, reply: 12, texts: [abi.CallTexts]string{"GET", "/api/v1/items/42", "shop.example:8080", "10.0.0.2:51000", "", "GET /api/v1/items/{id}"}}
			records := [2][]byte{c.record(role)}
			c.texts[abi.TextPath] += "1"
			records[1] = c.record(role)
			var sink *flow.Exchange
			var ev event.Event
			d, i := New(), 0
			b.ReportAllocs()
			for b.Loop() {
				if err := event.Decode(records[i&1], &ev); err != nil {
					b.Fatal(err)
				}
				sink = d.Exchange(&ev, conn)
				i++
			}
			_ = sink
		})
	}
}
