package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// dice throw the parts of plans.
type dice struct {
	*rand.Rand
	pool []byte
}

// between is from least to most, both included.
func (d *dice) between(least, most int) int { return least + d.IntN(most-least+1) }

func (d *dice) often(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d *dice, of ...T) T { return of[d.IntN(len(of))] }

const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

func (d *dice) word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[d.IntN(len(letters))]
	}
	return string(b)
}

// body is n bytes from the pool, and where they stand there.
func (d *dice) body(n int) (text []byte, from int) {
	from = d.IntN(len(d.pool) - n + 1)
	return d.pool[from : from+n : from+n], from
}

// socket is a socket of the usual kind.
func (d *dice) socket() socket {
	return socket{nonBlocking: d.often(50), delayed: d.often(3), hears: hearing(d.IntN(int(hearings)))}
}

// fields are some header fields, none of which is of the trace context.
func (d *dice) fields(most int) []string {
	all := []string{"Host: x"}
	for range d.IntN(most + 1) {
		switch d.IntN(8) {
		case 0:
			all = append(all, "Accept: */*")
		case 1:
			all = append(all, "X-Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		case 2:
			all = append(all, "traceparent-x: "+d.word(d.IntN(60)))
		case 3:
			all = append(all, "Cookie: "+d.word(d.IntN(200)))
		case 4:
			all = append(all, "trace: "+d.word(8))
		default:
			all = append(all, "X-"+d.word(d.between(1, 20))+": "+d.word(d.IntN(50)))
		}
	}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// lines makes a head of lines that end so.
func lines(end, first string, fields ...string) []byte {
	var b strings.Builder
	b.WriteString(first + end)
	for _, f := range fields {
		b.WriteString(f + end)
	}
	b.WriteString(end)
	return []byte(b.String())
}

// get is a request without a body.
func (d *dice) get() []byte {
	return lines("\r\n", pick(d, "GET", "GET", "GET", "DELETE", "OPTIONS", "PURGE")+" /"+d.word(d.IntN(30))+" HTTP/1.1", d.fields(6)...)
}

// post is the head of a request with a body of n bytes.
func (d *dice) post(n int, fields ...string) []byte {
	all := append(d.fields(4), fields...)
	return lines("\r\n", pick(d, "POST", "PUT", "PATCH")+" /"+d.word(d.IntN(30))+" HTTP/1.1", append(all, fmt.Sprintf("Content-Length: %d", n))...)
}

// status is the head of an answer.
func status(code int, fields ...string) []byte {
	return lines("\r\n", fmt.Sprintf("HTTP/1.1 %d Whatever", code), fields...)
}

// ok is an answer whose end is told, after which the connection goes on.
func (d *dice) ok() []byte {
	switch d.IntN(12) {
	case 0:
		return status(204)
	case 1:
		return append(status(200, "Transfer-Encoding: chunked"), d.chunks(d.IntN(4), 200, "")...)
	case 2:
		n := d.between(0, 20000)
		body, _ := d.body(n)
		return append(status(pick(d, 200, 404, 500), fmt.Sprintf("Content-Length: %d", n), "Server: "+d.word(8)), body...)
	}
	n := d.between(0, 300)
	body, _ := d.body(n)
	return append(status(200, fmt.Sprintf("Content-Length: %d", n)), body...)
}

// chunks is a chunked body (RFC 9112, 7.1) of so many chunks and the last one.
func (d *dice) chunks(n, most int, trailer string) []byte {
	var b []byte
	for range n {
		data, _ := d.body(d.between(1, most))
		extension := pick(d, "", "", ";a=b")
		b = fmt.Appendf(b, "%x%s\r\n%s\r\n", len(data), extension, data)
	}
	return append(b, "0\r\n"+trailer+"\r\n"...)
}

// cuts are the sizes of so many pieces at most of n bytes, without the last one.
func (d *dice) cuts(n, most int) (all []int) {
	for range d.IntN(most) {
		if n < 1 {
			break
		}
		size := d.IntN(min(n, 1+d.IntN(n)) + 1) // rather small ones, and empty ones
		all = append(all, size)
		n -= size
	}
	return all
}

// each is a plan of turns that are made alike.
func each(s socket, turns int, turn func(i int) *turn) plan {
	return plan{socket: s, turns: turns, turn: turn}
}

// inOrder is a plan of the turns.
func inOrder(s socket, turns ...*turn) plan {
	return each(s, len(turns), func(i int) *turn { return turns[i] })
}
