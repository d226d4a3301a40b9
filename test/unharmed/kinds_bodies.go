package main

import (
	"bytes"
	"fmt"
)

// Kinds that differ in bodies, and in when they are sent.

func expect(d *dice) plan {
	var turns []*turn
	for range d.between(1, 6) {
		n := d.between(1, 4000)
		body, _ := d.body(n)
		proceed := status(100)
		switch d.IntN(4) {
		case 0: // the answer at once, behind the 100
			turns = append(turns, (&turn{}).ask(d.post(n, "Expect: 100-continue")).hear(append(proceed, d.ok()...)), (&turn{}).add(body))
		case 1: // refused, and the client sends no body but the next request
			turns = append(turns, (&turn{}).ask(d.post(n, "Expect: 100-continue")).hear(status(417, "Content-Length: 0")))
		default:
			turns = append(turns, (&turn{}).ask(d.post(n, "Expect: 100-continue")).hear(proceed),
				(&turn{}).add(body).by(waySend, d.between(1, n)).hear(d.ok()))
		}
	}
	return inOrder(d.socket(), turns...)
}

func chunked(d *dice) plan {
	return each(d.socket(), d.between(1, 8), func(int) *turn {
		t := (&turn{}).ask(lines("\r\n", "POST /up HTTP/1.1", append(d.fields(3), "Transfer-Encoding: chunked")...))
		if d.often(70) {
			t.byRest(pick(d, waySend, wayMore))
		}
		t.add(d.chunks(d.IntN(6), 3000, pick(d, "", "", "X: y\r\n", "traceparent: x\r\n")))
		for _, size := range d.cuts(len(t.text)-t.called()-1, 8) {
			if size > 0 {
				t.by(pick(d, waySend, waySend, wayMore), size)
			}
		}
		return t.byRest(waySend).hear(d.ok())
	})
}

func longHead(d *dice) plan {
	// Around what the kernel programs look at, and beyond.
	size := pick(d, d.between(500, 530), d.between(2030, 2060), d.between(4080, 4110), d.between(600, 9000), d.between(8000, 65536))
	return each(d.socket(), d.between(1, 4), func(int) *turn {
		text := lines("\r\n", "GET /a HTTP/1.1", append(d.fields(3), "X-Long: ")...)
		if pad := size - len(text); pad > 0 {
			text = bytes.Replace(text, []byte("X-Long: "), []byte("X-Long: "+d.word(pad)), 1)
		}
		t := (&turn{}).ask(text)
		if d.often(25) {
			t.by(pick(d, waySend, wayMore), d.between(1, len(text)-1))
		}
		return t.byRest(pick(d, waySend, wayWritev), d.cuts(len(text)-t.called(), 10)...).hear(d.ok())
	})
}

func lookalike(d *dice) plan {
	const decoy = "GET / HTTP/1.1\r\nA: b\r\n\r\n"
	return each(d.socket(), d.between(1, 10), func(int) *turn {
		count := d.between(1, 20)
		body := bytes.Repeat([]byte(decoy), count)
		t := (&turn{}).ask(d.post(len(body)))
		if d.often(80) {
			t.by(pick(d, waySend, wayMore), len(t.text))
		}
		t.add(body)
		for left := len(body); t.called() > 0 && left > len(decoy); left -= len(decoy) {
			t.by(pick(d, waySend, waySend, wayMore), len(decoy)) // each call is a whole request
		}
		return t.byRest(waySend).hear(d.ok())
	})
}

func large(d *dice) plan {
	return each(d.socket(), d.between(1, 2), func(int) *turn {
		n := d.between(300000, 3000000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		if d.often(50) {
			t.byRest(waySend)
		}
		return t.add(body).byRest(pick(d, waySend, wayWrite, wayWritev), d.cuts(n, 10)...).hear(d.ok())
	})
}

func tight(d *dice) plan {
	s := d.socket()
	s.sendBuffer, s.nonBlocking = pick(d, 1, 4608, 8000, 20000), d.often(80)
	s.roomBuffer, s.sluggish = pick(d, 1, 8000, 0, 0), true
	return each(s, d.between(1, 4), func(int) *turn {
		n := d.between(1, pick(d, 3000, 20000, 60000))
		if s.roomBuffer == 1 { // the least there is: a segment waits for the one before
			n = min(n, 8000)
		}
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n, "X-Fill: "+d.word(d.IntN(1700))))
		if d.often(30) {
			t.byRest(pick(d, waySend, wayMore))
		}
		if d.often(25) {
			// One message: in a sockmap the kernel goes on to the next one also
			// where it took a part of the first (README, "What goes on the wire").
			return t.add(body).byRest(waySendmmsg).hear(d.ok())
		}
		return t.add(body).byRest(pick(d, waySend, wayWritev, waySplice), d.cuts(n, 5)...).hear(d.ok())
	})
}

func halfClosed(d *dice) plan {
	before := d.IntN(3)
	return each(d.socket(), before+1, func(i int) *turn {
		n := d.between(0, 2000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n)).add(body).hear(d.ok())
		if i == before {
			t.ends, t.answers[0].atEnd = true, d.often(50)
		}
		return t
	})
}

func cutOff(d *dice) plan {
	before := d.IntN(3)
	return each(d.socket(), before+1, func(i int) *turn {
		if i < before {
			return (&turn{}).ask(d.get()).hear(d.ok())
		}
		n := d.between(10, 2000)
		body, _ := d.body(n)
		t := &turn{ends: true, requests: 1}
		if text := d.post(n); d.often(50) {
			t.add(text[:d.between(1, len(text)-1)])
		} else {
			t.requests = 0
			t.ask(text).add(body[:d.IntN(n)])
		}
		if d.often(50) {
			t.hear(status(400, "Content-Length: 0")).answers[0].atEnd = true
		}
		return t
	})
}

func resets(d *dice) plan {
	before := d.IntN(3)
	p := each(d.socket(), before+1, func(i int) *turn {
		if i < before {
			return (&turn{}).ask(d.get()).hear(d.ok())
		}
		n := d.between(10, 20000)
		body, _ := d.body(n)
		return (&turn{}).ask(d.post(n)).add(body[:d.IntN(n)])
	})
	p.ending = clientResets
	return p
}

func resetByPeer(d *dice) plan {
	p := each(d.socket(), d.between(1, 4), func(i int) *turn { return (&turn{}).ask(d.get()).hear(d.ok()) })
	p.ending = serverResets
	return p
}

func early(d *dice) plan {
	return each(d.socket(), d.between(1, 4), func(int) *turn {
		n := d.between(100, 60000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		if d.often(70) {
			t.byRest(waySend)
		}
		if d.often(50) {
			t.hear(d.ok())
			t.add(body)
		} else {
			part := d.between(1, n-1)
			t.add(body[:part]).byRest(waySend).hear(d.ok()).add(body[part:])
		}
		for _, size := range d.cuts(len(t.text)-t.called()-1, 5) {
			if size > 0 {
				t.by(waySend, size)
			}
		}
		return t
	})
}

func duplex(d *dice) plan {
	s := d.socket()
	return each(s, d.between(1, 3), func(int) *turn {
		t := &turn{duplex: true}
		t.ask(lines("\r\n", "POST /up HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")).byRest(waySend)
		t.hear(status(200, "Transfer-Encoding: chunked"))
		for range d.between(1, 12) {
			data, _ := d.body(d.between(1, 2000))
			piece := fmt.Appendf(nil, "%x\r\n%s\r\n", len(data), data)
			t.add(piece).byRest(pick(d, waySend, wayWritev), d.cuts(len(piece), 4)...)
			if d.often(60) {
				t.hear(piece)
			}
		}
		return t.add([]byte("0\r\n\r\n")).byRest(waySend).hear([]byte("0\r\n\r\n"))
	})
}
