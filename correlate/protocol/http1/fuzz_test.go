package http1

import (
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/correlate/httpspan"
)

// FuzzParser feeds bytes cut, turned round, lost and counted at random. The
// first input is the bytes, the second says what happens to them.
func FuzzParser(f *testing.F) {
	for _, s := range loadScripts(f) {
		var data, plan []byte
		for _, st := range s.steps {
			data = append(data, st.data...)
			op := byte(0)
			if st.verb == "<" {
				op = 1
			}
			for n := len(st.data); n > 0; n -= 255 {
				plan = append(plan, op, byte(min(n, 255)))
			}
		}
		f.Add(data, plan)
	}
	f.Fuzz(func(t *testing.T, data, plan []byte) {
		o := flow.Options{MaxBuffered: 1 << 17}
		k := newKernel(t, o)
		k.limit = 1 << 20
		k.events = 1 << 20
		for len(plan) >= 2 {
			op, n := plan[0], int(plan[1])
			plan = plan[2:]
			d := abi.Direction(op & 1)
			switch op >> 1 & 15 {
			default:
				n = min(n, len(data))
				flags := abi.EventFlag(op >> 5 & 1) // FlagRequestStart
				if op&64 != 0 {
					k.ctx.SpanId[0]++
				}
				k.move(d, data[:n], n, flags)
				data = data[n:]
			case 7:
				n = min(n, len(data))
				k.move(d, data[:n], n, abi.FlagResumed<<(op>>5&1)) // or FlagUnsampled
				data = data[n:]
			case 8:
				k.count(d, n)
			case 9:
				k.count(d, n<<16)
			case 10:
				k.lose(func() { k.move(d, nil, n, abi.FlagTurn) })
			case 11:
				k.wait(n * 100)
			case 12:
				k.move(d, nil, 0, abi.FlagEof)
			case 13:
				k.open(n&1 != 0, n&2 != 0)
			case 14:
				k.close(abi.CloseReason(n&7), int32(n))
				k.gen++
				k.conn, k.turn = abi.Conn{Gen: k.gen}, -1
			case 15:
				k.swap(func() { k.count(d, n); k.count(d^1, n); k.move(d, data[:min(n, len(data))], n, 0) })
			}
			if b := k.a.Stats().Buffered; b < 0 || b > o.MaxBuffered+(1<<17) {
				t.Fatalf("%d bytes buffered", b)
			}
		}
		k.a.Close(k.now)
		if s := k.a.Stats(); s.Buffered != 0 || s.Connections != 0 {
			t.Fatalf("left behind: %+v", s)
		}
		for _, x := range k.found {
			check(t, x)
		}
	})
}

// check looks at what holds for every exchange.
func check(t *testing.T, x *flow.Exchange) {
	if x.Conn == nil || x.Name == "" || x.End < x.Start || len(x.Attributes) == 0 {
		t.Errorf("incomplete exchange: %+v", x)
	}
	render(t, x)
	for _, kv := range x.Attributes {
		if s := kv.Value.Emit(); len(s) > httpspan.MaxPath+httpspan.MaxHost+32 || !valid(s) {
			t.Errorf("%s = %q", kv.Key, s)
		}
	}
}

func valid(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return true
}
