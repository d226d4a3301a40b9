package main

import (
	"bytes"
	"fmt"
	"strings"
)

// Kinds that differ in what is spoken.

// babble is what is said in a tunnel: it looks like HTTP, in both directions.
func (d *dice) babble() *turn {
	t := &turn{}
	for range d.between(1, 4) {
		if d.often(60) {
			t.lure(d.get())
		} else {
			data, _ := d.body(d.between(1, 2000))
			t.add(data)
		}
		t.byRest(waySend)
	}
	if d.often(50) {
		return t.hear(d.ok())
	}
	data, _ := d.body(d.between(1, 2000))
	return t.hear(data)
}

func upgrade(d *dice) plan {
	first := lines("\r\n", "GET /chat HTTP/1.1", append(d.fields(3), "Connection: Upgrade", "Upgrade: "+pick(d, "websocket", "h2c", "tcp"))...)
	turns := d.between(2, 8)
	said := status(101, "Connection: Upgrade", "Upgrade: websocket")
	if d.often(30) {
		said = append(said, d.ok()...) // the new protocol's first bytes
	}
	return each(d.socket(), turns, func(i int) *turn {
		if i == 0 {
			return (&turn{}).ask(first).hear(said)
		}
		return d.babble()
	})
}

func tunnel(d *dice) plan {
	turns := d.between(2, 8)
	return each(d.socket(), turns, func(i int) *turn {
		if i == 0 {
			return (&turn{}).ask(lines("\r\n", "CONNECT x:443 HTTP/1.1", d.fields(3)...)).hear(status(200))
		}
		return d.babble()
	})
}

func refused(d *dice) plan {
	turns := d.between(2, 5)
	return each(d.socket(), turns, func(i int) *turn {
		switch {
		case i > 0:
			return (&turn{}).ask(d.get()).hear(d.ok())
		case d.often(50):
			return (&turn{}).ask(lines("\r\n", "CONNECT x:443 HTTP/1.1", d.fields(3)...)).hear(status(407, "Content-Length: 0"))
		}
		return (&turn{}).ask(lines("\r\n", "GET /chat HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket")).hear(d.ok())
	})
}

func answers(d *dice) plan {
	p := plan{socket: d.socket(), turns: d.between(1, 8)}
	last := d.often(30)
	if last {
		p.ending = serverEnds
	}
	p.turn = func(i int) *turn {
		if last && i == p.turns-1 { // a body until the end
			body, _ := d.body(d.between(0, 30000))
			return (&turn{}).ask(d.get()).hear(append(status(200, "Connection: close"), body...))
		}
		t := (&turn{}).ask(lines("\r\n", pick(d, "GET", "HEAD")+" / HTTP/1.1", d.fields(3)...))
		var text []byte
		switch isHead := bytes.HasPrefix(t.text, []byte("HEAD")); {
		case isHead:
			text = status(200, fmt.Sprintf("Content-Length: %d", d.IntN(100000)))
		case d.often(20):
			text = status(304, "Content-Length: 500")
		case d.often(30):
			text = append(append(status(103, "Link: </a>"), status(pick(d, 100, 102, 103))...), d.ok()...)
		default:
			text = d.ok()
		}
		var pieces []int
		if d.often(60) {
			pieces = d.cuts(min(len(text), 200), 5)
		}
		return t.hear(text, pieces...)
	}
	return p
}

func otherProtocol(d *dice) plan {
	opening := []byte(pick(d,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+d.word(200),
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00",
		"*1\r\n$4\r\nPING\r\n", "PING\r\n", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "AMQP\x00\x00\x09\x01", "GET", "EHLO x\r\n",
		"\x00", "\r\n", "get key\r\n", "NICK x\r\n", "\x10\x0c\x00\x04MQTT", "GET key\r\nGET / HTTP/1.1\r\n\r\n"))
	if d.often(20) {
		noise, _ := d.body(d.between(1, 3000))
		opening = append([]byte{0}, noise...) // not what could begin a request
	}
	turns := d.between(1, 6)
	return each(d.socket(), turns, func(i int) *turn {
		if i == 0 {
			return (&turn{}).oddly(opening).hear([]byte(pick(d, "+PONG\r\n", "220 x\r\n", "\x00\x00\x00\x00", "HTTP/1.1 400 Bad Request\r\n\r\n")))
		}
		return d.babble()
	})
}

func serverFirst(d *dice) plan {
	p := each(d.socket(), d.between(1, 5), func(int) *turn { return d.babble() })
	p.greeted = []byte(pick(d, "220 x ESMTP\r\n", "+OK ready\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 408 Request Timeout\r\n\r\n", "\x4a\x00\x00\x00\x0a8.0.0"))
	return p
}

const someTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func ownContext(d *dice) plan {
	return each(d.socket(), d.between(1, 10), func(int) *turn {
		name := pick(d, "traceparent", "Traceparent", "TRACEPARENT", "tRaCePaReNt")
		value := pick(d, " "+someTrace, someTrace, "  \t"+someTrace+" ", "", " ", " x", " "+strings.ToUpper(someTrace), " ff-"+someTrace[3:],
			" "+someTrace+"-more", " "+someTrace+","+someTrace)
		fields := append(d.fields(4), name+":"+value)
		d.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		return (&turn{}).ask(lines(pick(d, "\r\n", "\r\n", "\n"), "GET /own HTTP/1.1", fields...), "traceparent").hear(d.ok())
	})
}

func ownOthers(d *dice) plan {
	return each(d.socket(), d.between(1, 10), func(int) *turn {
		name := pick(d, "tracestate", "baggage", "b3", "x-b3-traceid", "uber-trace-id", "x-amzn-trace-id", "x-datadog-trace-id")
		fields := append(d.fields(3), pick(d, name, strings.ToUpper(name))+": "+d.word(20))
		return (&turn{}).ask(lines("\r\n", "GET /own HTTP/1.1", fields...), name).hear(d.ok())
	})
}

func bareLF(d *dice) plan {
	return each(d.socket(), d.between(1, 8), func(int) *turn {
		text := lines("\n", "GET /lf HTTP/1.1", d.fields(4)...)
		if d.often(30) { // of both kinds
			text = bytes.Replace(text, []byte("\n"), []byte("\r\n"), d.between(1, 3))
		}
		t := (&turn{}).ask(text)
		if d.often(20) {
			t.by(waySend, d.between(1, len(text)-1))
		}
		return t.hear(d.ok())
	})
}

func folded(d *dice) plan {
	return each(d.socket(), d.between(1, 8), func(int) *turn {
		fold := pick(d, "\r\n ", "\r\n\t", "\r\n  traceparent: ")
		fields := d.fields(3)
		if d.often(40) {
			// Folded onto the request line (RFC 9112, 2.2): what would be put
			// in between would be continued instead.
			fields[0] = pick(d, " ", "\t") + fields[0]
			return (&turn{}).oddly(lines("\r\n", "GET /fold HTTP/1.1", fields...)).hear(d.ok())
		}
		at := d.IntN(len(fields))
		fields[at] += fold + d.word(d.IntN(30))
		return (&turn{}).ask(lines("\r\n", "GET /fold HTTP/1.1", fields...)).hear(d.ok())
	})
}

func emptyLines(d *dice) plan {
	return each(d.socket(), d.between(1, 5), func(int) *turn {
		empty := strings.Repeat(pick(d, "\r\n", "\n"), d.between(1, 3))
		t := (&turn{}).add([]byte(empty))
		if d.often(40) {
			t.byRest(waySend)
		}
		return t.ask(d.get()).hear(d.ok())
	})
}

// oddOnes are first lines; those that are HTTP/1 (RFC 9112, 3) may get headers.
var oddOnes = []struct {
	line string
	http bool
}{
	{"GET / HTTP/1.0", true}, {"OPTIONS * HTTP/1.1", true}, {"GET http://x/ HTTP/1.1", true}, {"M-SEARCH * HTTP/1.1", true},
	{"get / HTTP/1.1", true}, {"GET /?q=%20&r=[]{}| HTTP/1.1", true}, {"X / HTTP/1.1", true}, {"GET /\xc3\xa9 HTTP/1.1", true},
	{"GET / HTTP/2.0", false}, {"GET / HTTP/1.1 ", false}, {"GET  / HTTP/1.1", false}, {"GET / http/1.1", false},
	{"GET\t/ HTTP/1.1", false}, {"GET / HTTP/1.10", false}, {" GET / HTTP/1.1", false}, {"GET /", false}, {"GET / HTTP/11", false},
	{"GET /a b HTTP/1.1", false}, {"GET / HTTP/1.1\r", false}, {"GET /\x00 HTTP/1.1", false}, {"/ HTTP/1.1", false}, {"HTTP/1.1 200 OK", false},
	{"GET / HTTP/ 1.1", false}, {"GET / HTTPS/1.1", false}, {"GET / XHTTP/1.1", false}, {": / HTTP/1.1", false},
}

func oddLines(d *dice) plan {
	return each(d.socket(), d.between(1, 6), func(int) *turn {
		odd := pick(d, oddOnes...)
		text := lines("\r\n", odd.line, d.fields(3)...)
		if odd.http {
			return (&turn{}).ask(text).hear(d.ok())
		}
		return (&turn{}).oddly(text).hear(d.ok())
	})
}
