package http1

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/probes/event"
)

// BenchmarkExchange is a keep-alive exchange of a browser with nginx, from two
// ring records to the finished exchange, decoding included.
func BenchmarkExchange(b *testing.B) {
	for _, end := range []string{"server", "client"} {
		b.Run(end, func(b *testing.B) {
			k := newKernel(b, flow.Options{})
			ask, answer := server, client
			if end == "client" {
				ask, answer = client, server
			}
			k.open(true, end == "client")
			k.request(ask, "GET /api/v1/items/42?page=2 HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n")
			k.bytes(answer, "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html\r\nContent-Length: 12\r\nConnection: keep-alive\r\nETag: \"6907\"\r\n\r\n<p>hello</p>")
			records := k.records[len(k.records)-2:]
			var sink *flow.Exchange
			a := flow.New([]flow.Protocol{New(propagation.All(), nil)}, func(x *flow.Exchange) { sink = x }, flow.Options{})
			var ev event.Event
			if err := event.Decode(k.records[0], &ev); err != nil {
				b.Fatal(err)
			}
			a.Handle(&ev)
			var moved [2]uint64
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				for _, r := range records {
					if err := event.Decode(r, &ev); err != nil {
						b.Fatal(err)
					}
					d := ev.Data.Direction
					ev.Data.Offset, ev.Data.OtherBytes = moved[d], moved[d^1]
					moved[d] += uint64(ev.Data.Length)
					a.Handle(&ev)
				}
			}
			// Unlike ns/op, no worse on a machine that has other work.
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			if got := a.Stats().Exchanges; got != uint64(b.N) || len(sink.Attributes) < 10 {
				b.Fatalf("%d exchanges of %d: %+v", got, b.N, a.Stats())
			}
		})
	}
}

func processorTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// An exchange takes few allocations: the record of the exchange itself, and text
// that differs from the exchange before.
func TestAllocations(t *testing.T) {
	k := newKernel(t, flow.Options{})
	k.open(true, false)
	k.request(server, get)
	k.bytes(client, ok)
	var evs [2]event.Event
	for i, r := range k.records[1:3] {
		if err := event.Decode(r, &evs[i]); err != nil {
			t.Fatal(err)
		}
	}
	k.found = make([]*flow.Exchange, 0, 1000)
	moved := [2]uint64{k.conn.Half[0].Bytes, k.conn.Half[1].Bytes}
	n := testing.AllocsPerRun(100, func() {
		for i := range evs {
			d := evs[i].Data.Direction
			evs[i].Data.Offset, evs[i].Data.OtherBytes = moved[d], moved[d^1]
			moved[d] += uint64(evs[i].Data.Length)
			k.a.Handle(&evs[i])
		}
	})
	if n > 2 {
		t.Errorf("%v allocations an exchange", n)
	}
	if len(k.found) == 0 || len(k.found[0].Attributes) > httpspan.MaxAttributes {
		t.Errorf("%d exchanges", len(k.found))
	}
}

// The room for attributes is never outgrown.
func TestRoomForAttributes(t *testing.T) {
	most := 0
	for _, s := range loadScripts(t) {
		for _, asServer := range []bool{true, false} {
			k := newKernel(t, flow.Options{})
			s.play(k, asServer)
			for _, x := range k.found {
				most = max(most, len(x.Attributes))
			}
		}
	}
	if most > httpspan.MaxAttributes {
		t.Errorf("%d attributes", most)
	}
}
