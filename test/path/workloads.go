package main

import (
	"bytes"
	"fmt"

	"github.com/throughline/throughline/bpf/abi"
)

// workload is a set of connections whose exchanges take turns.
type workload struct {
	name     string
	recorder recorder
	opening  [][]byte
	talks    []conversation
}

// connections of each workload.
const connections = 64

// What a browser, a Go client and the servers of both put on the wire.
const (
	browser = "GET %s HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n" +
		"Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n"
	nginx = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html\r\n" +
		"Content-Length: 12\r\nConnection: keep-alive\r\nETag: \"6907\"\r\n\r\n<p>hello</p>"
	goClient = "GET %s HTTP/1.1\r\nHost: orders:9000\r\nUser-Agent: Go-http-client/1.1\r\n" +
		"traceparent: 00-01000000000000000000000000000001-0100000000000001-01\r\nAccept-Encoding: gzip\r\n\r\n"
	goServer = "HTTP/1.1 503 Service Unavailable\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nContent-Length: 4\r\n\r\nbusy"
)

// paths of one length, so that one can be put over another.
func paths() [][]byte {
	var all [][]byte
	for i := range 97 {
		all = append(all, fmt.Appendf(nil, "/api/v1/items/%04d", i*101%10000))
	}
	return all
}

func workloads() []*workload {
	return []*workload{
		sockets("served HTTP/1.1, one path a connection", browser, nginx, false, nil),
		sockets("served HTTP/1.1, many paths", browser, nginx, false, paths()),
		sockets("made HTTP/1.1 requests that fail, many paths", goClient, goServer, true, paths()),
		calls("net/http server by library probes, many paths", paths()),
	}
}

// sockets is a workload that the socket source saw.
func sockets(name, request, response string, active bool, changing [][]byte) *workload {
	w := &workload{name: name, recorder: recorder{tgid: 42, clock: 1e9}}
	ask, answer := abi.DirectionReceived, abi.DirectionSent
	if active {
		ask, answer = answer, ask
	}
	text := fmt.Sprintf(request, paths()[0])
	for i := range connections {
		r := &w.recorder
		r.sock = uint64(0xffff888000001000) + uint64(i)*64
		w.opening = append(w.opening, r.open(active))
		first := r.data(ask, abi.FlagRequestStart, text)
		talk := conversation{paths: changing, pathAt: bytes.Index(first, []byte(paths()[0])), turn: i}
		talk.records = [][]byte{first, r.data(answer, 0, response)}
		w.talks = append(w.talks, talk)
	}
	return w
}

// calls is a workload that the probes of Go's net/http saw.
func calls(name string, changing [][]byte) *workload {
	w := &workload{name: name, recorder: recorder{tgid: 42, clock: 1e9}}
	for i := range connections {
		r := &w.recorder
		r.sock = uint64(0xffff888000001000) + uint64(i)*64
		w.opening = append(w.opening, r.open(false))
		record := r.call([abi.CallTexts]string{
			abi.TextMethod: "GET", abi.TextPath: string(paths()[0]), abi.TextHost: "shop.example:8080",
			abi.TextPeer: fmt.Sprintf("10.0.0.2:%d", 40000+i), abi.TextRoute: "GET /api/v1/items/{id}",
		})
		w.talks = append(w.talks, conversation{
			records: [][]byte{record}, paths: changing, pathAt: bytes.Index(record, paths()[0]), turn: i,
		})
	}
	return w
}

// check reads the records back, so that no workload is one of refusals.
func (w *workload) check() error {
	if err := check(w.opening); err != nil {
		return err
	}
	for i := range w.talks {
		if err := check(w.talks[i].records); err != nil {
			return err
		}
	}
	return nil
}
