package probes

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
)

// scanned is what bpf/http.h's registers hold after a head.
type scanned struct {
	state  abi.ScanState
	used   int
	text   string // gathered: each value behind a byte that is none of it
	length uint64
	status int
	flags  abi.ScanFlag
}

// scan runs the automaton as scan_bytes in bpf/http.h does.
func (t *scanTable) scan(from abi.ScanState, head string) scanned {
	r := scanned{state: from}
	for i := range len(head) {
		if r.state <= abi.ScanEnd {
			break
		}
		b := head[i]
		entry := t.table[int(r.state)*scanClasses+int(t.classes[b])]
		act := abi.ScanFlag(t.actions[entry>>scanStateBits] & (1<<scanFlagBits - 1))
		r.state = abi.ScanState(entry & (1<<scanStateBits - 1))
		r.used++
		r.flags |= act
		if act&abi.ScanValue != 0 {
			r.text += string(b)
		}
		if act&abi.ScanLength != 0 {
			r.length = r.length*10 + uint64(b-'0')
		}
		if act&abi.ScanStatus != 0 {
			r.status = r.status*10 + int(b-'0')
		}
	}
	return r
}

func TestScanRequest(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	const gathered = abi.ScanRecognised | abi.ScanField | abi.ScanValue
	table := newScanTable(propagation.Default().Fields())
	for _, c := range []struct {
		name, head string
		want       scanned
	}{
		{"plain", "GET / HTTP/1.1\r\n\r\n", scanned{flags: abi.ScanRecognised}},
		{"bare line feeds", "GET / HTTP/1.0\nHost: a\n\n", scanned{flags: abi.ScanRecognised}},
		{"head", "HEAD /x?y=z HTTP/1.1\r\n\r\n", scanned{flags: abi.ScanRecognised | abi.ScanHead}},
		{"heads is another method", "HEADS / HTTP/1.1\r\n\r\n", scanned{flags: abi.ScanRecognised}},
		{"connect", "CONNECT a:443 HTTP/1.1\r\n\r\n", scanned{flags: abi.ScanRecognised | abi.ScanConnect}},
		{"own method", "M-SEARCH * HTTP/1.1\r\n\r\n", scanned{flags: abi.ScanRecognised}},
		{"traceparent", "GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " + parent + "\r\n\r\n",
			scanned{flags: gathered, text: ":" + parent}},
		{"any case, no space, trailing space", "GET / HTTP/1.1\r\nTRACEparent:" + parent + " \t\r\nA: b\r\n\r\n",
			scanned{flags: gathered, text: ":" + parent + " "}},
		{"space within", "GET / HTTP/1.1\r\ntraceparent: a \t b\r\n\r\n", scanned{flags: gathered, text: ":a b"}},
		{"twice", "GET / HTTP/1.1\r\ntraceparent: a\r\ntraceparent: b\r\n\r\n", scanned{flags: gathered, text: ":a:b"}},
		{"empty", "GET / HTTP/1.1\r\ntraceparent:\r\n\r\n", scanned{flags: gathered, text: ":"}},
		{"several", "GET / HTTP/1.1\r\nBaggage: k=v, l=w\r\nAccept: x\r\ntraceState: a=b\n\n", scanned{flags: gathered, text: ":k=v, l=w:a=b"}},
		{"longer name", "GET / HTTP/1.1\r\ntraceparents: a\r\nx-traceparent: b\r\ntracepar: c\r\n\r\n",
			scanned{flags: abi.ScanRecognised}},
		{"of another format", "GET / HTTP/1.1\r\nb3: 0\r\n\r\n", scanned{flags: abi.ScanRecognised}},
		{"in a value", "GET / HTTP/1.1\r\nA: traceparent: b\r\n\r\n", scanned{flags: abi.ScanRecognised}},
		{"length", "POST / HTTP/1.1\r\nContent-Length: 1234\r\n\r\n",
			scanned{flags: abi.ScanRecognised | abi.ScanLength, length: 1234}},
		{"chunked", "POST / HTTP/1.1\r\ntransfer-encoding: gzip, Chunked\r\n\r\n",
			scanned{flags: abi.ScanRecognised | abi.ScanChunked}},
		{"te is not transfer-encoding", "POST / HTTP/1.1\r\nTE: chunked\r\n\r\n", scanned{flags: abi.ScanRecognised}},
	} {
		c.want.state, c.want.used = abi.ScanEnd, len(c.head)
		if got := table.scan(abi.ScanRequest, c.head+"rest"); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestScanResponse(t *testing.T) {
	table := newScanTable(propagation.Default().Fields())
	for _, c := range []struct {
		head string
		want scanned
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", scanned{status: 200, length: 5, flags: abi.ScanStatus | abi.ScanRecognised | abi.ScanLength}},
		{"HTTP/1.0 404\r\n\r\n", scanned{status: 404, flags: abi.ScanStatus | abi.ScanRecognised}},
		{"HTTP/1.1 101 Switching\xc3\xa9\r\nUpgrade: x\r\n\r\n", scanned{status: 101, flags: abi.ScanStatus | abi.ScanRecognised}},
	} {
		c.want.state, c.want.used = abi.ScanEnd, len(c.head)
		if got := table.scan(abi.ScanResponse, c.head+"rest"); got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.head, got, c.want)
		}
	}
}

func TestScanRejects(t *testing.T) {
	table := newScanTable(propagation.Default().Fields())
	for _, c := range []struct {
		from abi.ScanState
		text string
	}{
		{abi.ScanRequest, "\x16\x03\x01\x02\x00\x01"},
		{abi.ScanRequest, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{abi.ScanRequest, "get key\r\n"},
		{abi.ScanRequest, "GET /a b HTTP/1.1\r\n"},
		{abi.ScanRequest, "GET /\x00 HTTP/1.1\r\n"},
		{abi.ScanRequest, "GET  HTTP/1.1\r\n"},
		{abi.ScanRequest, " GET / HTTP/1.1\r\n"},
		{abi.ScanRequest, "HTTP/1.1 200 OK\r\n\r\n"},
		{abi.ScanResponse, "GET / HTTP/1.1\r\n\r\n"},
		{abi.ScanResponse, "HTTP/1.1 2000 OK\r\n\r\n"},
		{abi.ScanResponse, "HTTP/2 200\r\n\r\n"},
	} {
		if got := table.scan(c.from, c.text); got.state != abi.ScanRejected {
			t.Errorf("%q ends in state %d, want rejected", c.text, got.state)
		}
	}
	for _, whole := range []string{"GET / HTTP/1.1\r\n", "POST /" + strings.Repeat("x", 5000)} {
		if got := table.scan(abi.ScanRequest, whole); got.state <= abi.ScanEnd {
			t.Errorf("%.30q… ends in state %d, want more", whole, got.state)
		}
	}
}

// TestScanEveryField: the table has room for all formats at once, and each field is
// told from the others.
func TestScanEveryField(t *testing.T) {
	fields := propagation.All().Fields()
	table := newScanTable(fields)
	for _, f := range fields {
		at := int(abi.ScanRequest)
		var began abi.ContextField
		for _, b := range []byte("GET / HTTP/1.1\r\n" + strings.ToUpper(f.Name()) + ":") {
			entry := table.table[at*scanClasses+int(table.classes[b])]
			at = int(entry & (1<<scanStateBits - 1))
			began = abi.ContextField(table.actions[entry>>scanStateBits] >> scanFlagBits)
		}
		if began != abi.ContextField(f) {
			t.Errorf("%s begins field %d, want %d", f.Name(), began, f)
		}
	}
	t.Logf("%d of %d states, %d of %d actions", table.states, scanStates, len(table.numbers), scanActions)
}
