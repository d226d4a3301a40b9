package http1

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
)

const get = "GET /big HTTP/1.1\r\nHost: h:1\r\n\r\n"

// expect checks the exchanges found so far, in the words of the scripts without
// the fixed part at the end.
func (k *kernel) expect(want ...string) {
	k.t.Helper()
	var got []string
	for _, x := range k.found {
		line, _, _ := strings.Cut(render(k.t, x), " full=")
		got = append(got, strings.Replace(line, " server=h:1 version=1.1", "", 1))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		k.t.Errorf("got\n%s\nwant\n%s\n%+v", strings.Join(got, "\n"), strings.Join(want, "\n"), k.a.Stats())
	}
}

func started(t *testing.T, asServer bool) (k *kernel, ask, answer abi.Direction) {
	k = newKernel(t, flow.Options{})
	k.open(true, !asServer)
	if asServer {
		return k, server, client
	}
	return k, client, server
}

// A body beyond the captured bytes ends when the counts say so, at the time of
// its last byte, whoever tells of it first.
func TestLengthBeyondCapture(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
	for name, settle := range map[string]func(k *kernel, ask abi.Direction){
		"next request": func(k *kernel, ask abi.Direction) { k.request(ask, get) },
		"close":        func(k *kernel, ask abi.Direction) { k.close(abi.CloseLocal, 0) },
		"ledger":       func(k *kernel, ask abi.Direction) { k.wait(500) },
	} {
		t.Run(name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k, ask, answer := started(t, asServer)
				k.request(ask, get)
				k.bytes(answer, head+strings.Repeat("x", 10_000))
				k.count(answer, 900_000)
				k.count(answer, 89_000)
				k.now += 50_000_000
				k.count(answer, 1_000)
				last := k.now
				k.now += 50_000_000
				k.expect()
				settle(k, ask)
				k.expect("GET /big 200 response=1000000")
				if len(k.found) > 0 && k.found[0].End != last {
					t.Errorf("ends %d ns after the last byte", int64(k.found[0].End-last))
				}
				k.a.Close(k.now)
				k.settled()
			})
		})
	}
}

// A response that still moves is not ended by the ledger, however long it takes.
func TestLedgerWaits(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, get)
	k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
	for range 20 {
		k.count(answer, 10)
		k.wait(60_000)
	}
	k.expect()
	k.count(answer, 800)
	k.wait(2000)
	k.expect("GET /big 200 response=1000")
	if reads := k.a.Stats().LedgerReads; reads > 20*600/4 {
		t.Errorf("%d questions to the ledger", reads)
	}
}

// The ledger runs ahead of events; what it counts of a later exchange is not
// taken for a gap.
func TestLedgerAhead(t *testing.T) {
	k, ask, answer := started(t, true)
	k.request(ask, get)
	k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"+strings.Repeat("x", 5000))
	k.count(answer, 5000)
	k.now += 1e9
	k.holding = true
	k.request(ask, get)
	k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	k.holding = false
	k.a.Tick(k.now, k)
	for _, r := range k.held {
		k.deliver(r)
	}
	k.expect("GET /big 200 response=10000", "GET /big 200 response=2")
}

func TestChunkedBeyondCapture(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	big := "2710\r\n" + strings.Repeat("x", 10_000) + "\r\n"
	for _, test := range []struct {
		name string
		send func(k *kernel, d abi.Direction)
		end  bool // ended without another event but the ledger's word
	}{
		{"one large chunk and the end in one call", func(k *kernel, d abi.Direction) { k.bytes(d, head+big+"0\r\n\r\n") }, true},
		{"the end in its own call", func(k *kernel, d abi.Direction) { k.bytes(d, head+big); k.bytes(d, "0\r\n\r\n") }, true},
		{"many chunks", func(k *kernel, d abi.Direction) {
			k.bytes(d, head)
			for range 50 {
				k.bytes(d, big)
			}
			k.bytes(d, "3\r\nend\r\n0\r\n\r\n")
		}, true},
		{"with trailers", func(k *kernel, d abi.Direction) { k.bytes(d, head+big+"0\r\nA: b\r\n\r\n") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k, ask, answer := started(t, asServer)
				k.request(ask, get)
				test.send(k, answer)
				k.wait(1000)
				if test.end {
					k.expect("GET /big 200")
				} else {
					k.expect()
				}
				k.request(ask, get)
				k.bytes(answer, "HTTP/1.1 204 No Content\r\n\r\n")
				k.expect("GET /big 200", "GET /big 204")
			})
		})
	}
}

// An exact gap within one chunk loses nothing.
func TestGapWithinChunk(t *testing.T) {
	k, ask, answer := started(t, true)
	k.limit = 1 << 20
	k.request(ask, get)
	k.bytes(answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n")
	k.count(answer, 10_000)
	k.bytes(answer, "\r\n5\r\nhello\r\n0\r\n\r\n")
	k.expect("GET /big 200 response=10005")
}

// Requests with bodies of which most is only counted, then another request.
func TestUploadBeyondCapture(t *testing.T) {
	for name, send := range map[string]func(k *kernel, d abi.Direction){
		"length": func(k *kernel, d abi.Direction) {
			k.request(d, "PUT /big HTTP/1.1\r\nHost: h:1\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 50_000))
			k.count(d, 50_000)
		},
		"chunked": func(k *kernel, d abi.Direction) {
			k.request(d, "PUT /big HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 20 {
				k.bytes(d, "400\r\n"+strings.Repeat("y", 1024)+"\r\n")
			}
			k.bytes(d, "0\r\n\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k, ask, answer := started(t, asServer)
				send(k, ask)
				k.bytes(answer, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
				k.request(ask, get)
				k.bytes(answer, "HTTP/1.1 204 No Content\r\n\r\n")
				want := "PUT /big 201 request=100000 response=0"
				if name == "chunked" {
					want = "PUT /big 201 response=0"
				}
				k.expect(want, "GET /big 204")
			})
		})
	}
}

// A head beyond the captured bytes is known by its first line.
func TestCutHead(t *testing.T) {
	cookie := "Cookie: " + strings.Repeat("c", 10_000) + "\r\n\r\n"
	t.Run("request", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, "GET /cut HTTP/1.1\r\nHost: h:1\r\n"+cookie)
		k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		k.request(ask, get)
		k.bytes(answer, "HTTP/1.1 204 No Content\r\n\r\n")
		k.expect("GET /cut 200 response=2", "GET /big 204")
	})
	t.Run("long query", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, "GET /cut?"+strings.Repeat("q", 10_000)+" HTTP/1.1\r\nHost: h:1\r\n\r\n")
		k.bytes(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		k.request(ask, get)
		k.bytes(answer, "HTTP/1.1 204 No Content\r\n\r\n")
		k.expect("GET /cut 200 server=10.0.0.1:8080 response=2", "GET /big 204")
	})
	t.Run("response", func(t *testing.T) {
		for name, settle := range map[string]func(k *kernel, ask abi.Direction){
			"silence":      func(k *kernel, ask abi.Direction) { k.wait(1500) },
			"next request": func(k *kernel, ask abi.Direction) { k.request(ask, get) },
			"close":        func(k *kernel, ask abi.Direction) { k.close(abi.CloseLocal, 0) },
		} {
			t.Run(name, func(t *testing.T) {
				k, ask, answer := started(t, true)
				k.request(ask, get)
				k.bytes(answer, "HTTP/1.1 500 Oops\r\n"+cookie)
				k.count(answer, 5000)
				last := k.now
				k.expect()
				settle(k, ask)
				k.expect("GET /big 500 error=500")
				if len(k.found) > 0 && k.found[0].End != last {
					t.Errorf("ends %d ns after the last byte", int64(k.found[0].End-last))
				}
			})
		}
	})
}

// Records lost by a full ring cost the exchanges that they were of and no other.
func TestLostRecords(t *testing.T) {
	t.Run("request", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.lose(func() { k.request(ask, get) })
		k.bytes(answer, ok)
		k.request(ask, "GET /b HTTP/1.1\r\nHost: h:1\r\n\r\n")
		k.bytes(answer, ok)
		k.expect("GET /b 200 response=2")
	})
	t.Run("response", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, get)
		k.lose(func() { k.bytes(answer, ok) })
		k.request(ask, "GET /b HTTP/1.1\r\nHost: h:1\r\n\r\n")
		k.bytes(answer, ok)
		k.expect("GET /big -", "GET /b 200 response=2")
	})
	t.Run("response, then close", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, get)
		k.lose(func() { k.bytes(answer, ok) })
		k.close(abi.CloseLocal, 0)
		k.wait(200)
		k.expect("GET /big -")
	})
	t.Run("open", func(t *testing.T) {
		k := newKernel(t, flow.Options{})
		k.lose(func() { k.open(true, false) })
		k.request(server, "GET / HTTP/1.1\r\n\r\n")
		k.bytes(client, ok)
		k.close(abi.CloseLocal, 0)
		k.expect("GET / 200 server=: version=1.1 response=2")
		if k.a.Stats().OpenLost != 1 {
			t.Errorf("%+v", k.a.Stats())
		}
	})
	t.Run("close", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, get)
		k.lose(func() { k.close(abi.CloseLocal, 0) })
		k.gen++
		k.conn, k.turn = abi.Conn{Gen: k.gen}, -1
		k.open(true, false)
		k.request(ask, get)
		k.bytes(answer, ok)
		k.expect("GET /big - error=connection_closed", "GET /big 200 response=2")
	})
}

// Two CPUs can deliver a request after its answer, and an answer after the
// close.
func TestReordered(t *testing.T) {
	t.Run("answer first", func(t *testing.T) {
		for _, first := range []bool{true, false} {
			k, ask, answer := started(t, false)
			if !first {
				k.request(ask, get)
				k.bytes(answer, ok)
				k.found = nil
			}
			k.swap(func() { k.request(ask, get); k.bytes(answer, ok) })
			k.request(ask, "GET /b HTTP/1.1\r\nHost: h:1\r\n\r\n")
			k.bytes(answer, ok)
			k.expect("GET /big 200 response=2", "GET /b 200 response=2")
		}
	})
	t.Run("close first", func(t *testing.T) {
		k, ask, answer := started(t, true)
		k.request(ask, get)
		k.swap(func() { k.bytes(answer, ok); k.close(abi.CloseLocal, 0) })
		k.expect("GET /big 200 response=2")
		k.wait(200)
		k.expect("GET /big 200 response=2")
		k.settled()
	})
	t.Run("answer read after a reset", func(t *testing.T) {
		k, ask, answer := started(t, false)
		k.request(ask, get)
		k.close(abi.CloseReset, 104)
		k.bytes(answer, ok[:20])
		k.bytes(answer, ok[20:])
		k.wait(200)
		k.expect("GET /big 200 response=2")
		k.settled()
	})
	t.Run("open late", func(t *testing.T) {
		k := newKernel(t, flow.Options{})
		k.swap(func() { k.open(true, false); k.request(server, get) })
		k.bytes(client, ok)
		k.expect("GET /big 200 response=2")
		if x := k.found[0]; x.Conn.Local.Port() != 8080 {
			t.Errorf("%+v", x.Conn)
		}
	})
}

// A connection that was open before is joined at its next request; no exchange
// is made of what was under way.
func TestJoinedInMidStream(t *testing.T) {
	for name, before := range map[string]func(k *kernel, ask, answer abi.Direction){
		"in a response's body": func(k *kernel, ask, answer abi.Direction) {
			k.bytes(answer, "of something\r\n\r\nHTTP/1.1 200 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n")
		},
		"at a response":       func(k *kernel, ask, answer abi.Direction) { k.bytes(answer, ok) },
		"in a request's body": func(k *kernel, ask, answer abi.Direction) { k.bytes(ask, "a=b&c=d"); k.bytes(answer, ok) },
		"in a request's head": func(k *kernel, ask, answer abi.Direction) {
			k.bytes(ask, "ent: curl\r\nAccept: */*\r\n\r\n")
			k.bytes(answer, ok)
		},
		"in uncaptured bytes": func(k *kernel, ask, answer abi.Direction) { k.count(answer, 10_000) },
	} {
		t.Run(name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k := newKernel(t, flow.Options{})
				ask, answer := server, client
				if !asServer {
					ask, answer = client, server
				}
				k.open(false, false)
				before(k, ask, answer)
				k.request(ask, get)
				k.bytes(answer, ok)
				k.expect("GET /big 200 response=2")
			})
		})
	}
}
