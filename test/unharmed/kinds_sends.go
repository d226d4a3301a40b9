package main

// Kinds that differ in the calls that send.

func keepAlive(d *dice) plan {
	return each(d.socket(), d.between(200, 800), func(int) *turn {
		t := &turn{}
		if d.often(15) {
			n := d.between(0, 500)
			body, _ := d.body(n)
			t.ask(d.post(n)).add(body)
		} else {
			t.ask(d.get())
		}
		return t.byRest(pick(d, waySend, waySend, wayWrite, waySendmsg)).hear(d.ok())
	})
}

func split(d *dice) plan {
	text := lines("\r\n", "GET /"+d.word(d.IntN(10))+" HTTP/1.1", pick(d, d.fields(2), nil)...)
	return each(d.socket(), len(text)-1, func(i int) *turn {
		t := (&turn{}).ask(text).by(pick(d, waySend, waySend, wayMore), i+1)
		return t.byRest(waySend).hear(d.ok())
	})
}

func bytewise(d *dice) plan {
	return each(d.socket(), d.between(1, 6), func(i int) *turn {
		t := (&turn{}).ask(d.get())
		if d.often(40) {
			for range len(t.text) - 1 {
				t.by(waySend, 1)
			}
		}
		return t.hear(d.ok())
	})
}

func vector(d *dice) plan {
	return each(d.socket(), d.between(1, 12), func(int) *turn {
		t := &turn{}
		if d.often(30) {
			t.ask(d.get())
		} else {
			n := d.between(0, 30000)
			body, _ := d.body(n)
			t.ask(d.post(n)).add(body)
		}
		if d.often(30) {
			t.by(pick(d, wayWritev, waySendmsg), d.between(1, len(t.text)), d.cuts(len(t.text)/4, 30)...)
		}
		return t.byRest(pick(d, wayWritev, waySendmsg), d.cuts(len(t.text)-t.called(), pick(d, 4, 16, 40, 500))...).hear(d.ok())
	})
}

func more(d *dice) plan {
	return each(d.socket(), d.between(1, 12), func(int) *turn {
		n := d.between(1, 5000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		t.by(wayMore, len(t.text)).add(body)
		for _, size := range d.cuts(n-1, 5) {
			if size > 0 {
				t.by(wayMore, size)
			}
		}
		return t.byRest(waySend).hear(d.ok())
	})
}

func sendfile(d *dice) plan {
	return each(d.socket(), d.between(1, 5), func(int) *turn {
		n := d.between(1, pick(d, 100, 5000, 200000))
		body, from := d.body(n)
		t := (&turn{}).ask(d.post(n))
		t.by(pick(d, waySend, wayMore), len(t.text)).add(body)
		t.calls = append(t.calls, call{way: waySendfile, n: n, from: from})
		return t.hear(d.ok())
	})
}

func splice(d *dice) plan {
	return each(d.socket(), d.between(1, 5), func(int) *turn {
		n := d.between(1, pick(d, 100, 5000, 100000))
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		if d.often(80) {
			t.by(pick(d, waySend, wayMore), len(t.text))
		}
		return t.add(body).byRest(waySplice).hear(d.ok())
	})
}

func messages(d *dice) plan {
	return each(d.socket(), d.between(1, 10), func(int) *turn {
		n := d.between(0, 3000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		if d.often(50) {
			return t.add(body).byRest(waySendmmsg, d.cuts(len(t.text), 6)...).hear(d.ok())
		}
		size := len(t.text)
		return t.add(body).byRest(waySendmmsg, size).hear(d.ok())
	})
}

func zerocopy(d *dice) plan { return zerocopySince(d, beforeConnect) }

func lateZerocopy(d *dice) plan { return zerocopySince(d, afterConnect) }

func zerocopySince(d *dice, since moment) plan {
	s := d.socket()
	s.zerocopy = since
	return each(s, d.between(1, 6), func(int) *turn {
		n := d.between(1, pick(d, 500, 50000))
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		if d.often(50) {
			t.by(pick(d, waySend, wayMore, wayZerocopy), len(t.text))
		}
		return t.add(body).byRest(wayZerocopy).hear(d.ok())
	})
}

func fastOpen(d *dice) plan {
	s := d.socket()
	s.fastOpen, s.nonBlocking = true, false
	return each(s, d.between(1, 4), func(int) *turn {
		n := d.between(0, 3000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n)).add(body)
		if d.often(30) {
			t.by(waySend, d.between(1, len(t.text)-1))
		}
		return t.hear(d.ok())
	})
}

func urgent(d *dice) plan {
	s := d.socket()
	s.urgent, s.delayed = true, false
	return each(s, d.between(1, 4), func(int) *turn {
		n := d.between(20, 3000)
		body, _ := d.body(n)
		t := (&turn{}).ask(d.post(n))
		t.by(waySend, len(t.text)).add(body).by(waySend, d.between(1, n/2)).by(wayUrgent, 1)
		return t.hear(d.ok())
	})
}

func pipeline(d *dice) plan {
	return each(d.socket(), d.between(1, 8), func(int) *turn {
		t := &turn{}
		for range d.between(2, 12) {
			n := d.between(0, 800)
			body, _ := d.body(n)
			t.ask(d.post(n)).add(body).hear(d.ok())
			if d.often(30) {
				t.byRest(pick(d, waySend, wayMore))
			} else if d.often(10) && len(t.text)-t.called() > 1 {
				t.by(waySend, d.between(1, len(t.text)-t.called()-1))
			}
		}
		if last := &t.calls; len(*last) > 0 && (*last)[len(*last)-1].way == wayMore {
			(*last)[len(*last)-1].way = waySend
		}
		return t
	})
}
