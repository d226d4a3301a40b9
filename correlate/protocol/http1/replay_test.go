package http1

import (
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/flow"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/probes/event"
)

var update = flag.Bool("update", false, "write the recordings of testdata anew")

// replay runs a recording, ring records one after the other, and returns its
// exchanges as scripts write them.
func replay(t *testing.T, recording []byte) string {
	var lines []string
	a := flow.New([]flow.Protocol{New(propagation.All(), nil)}, func(x *flow.Exchange) { lines = append(lines, render(t, x)) }, flow.Options{})
	var ev event.Event
	for len(recording) >= 8 {
		n := int(binary.LittleEndian.Uint32(recording[4:]))
		if n < 8 || n > len(recording) {
			t.Fatalf("record of %d bytes, %d left", n, len(recording))
		}
		if err := event.Decode(recording[:n], &ev); err != nil {
			t.Fatal(err)
		}
		a.Handle(&ev)
		recording = recording[n:]
	}
	a.Close(ev.Header.Ktime)
	if s := a.Stats(); s.Buffered != 0 || s.Connections != 0 {
		t.Errorf("left behind: %+v", s)
	}
	return strings.Join(lines, "\n") + "\n"
}

// Recordings of the ring give the same exchanges for ever: a change to the
// layout of the records shows here first.
func TestReplay(t *testing.T) {
	if *update {
		writeRecording(t)
	}
	files, err := filepath.Glob("testdata/*.events")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			recording, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(f, ".events") + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if got := replay(t, recording); got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// writeRecording writes a recording of two connections that interleave, with a body
// that is only counted and an open event that is lost.
func writeRecording(t *testing.T) {
	k := newKernel(t, flow.Options{})
	k.open(true, false)
	other := newKernel(t, flow.Options{})
	other.sock += 64
	other.request(client, "POST /orders HTTP/1.1\r\nHost: orders:9000\r\nContent-Length: 2\r\n\r\n{}")
	k.request(server, get)
	k.bytes(client, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 9000))
	other.bytes(server, "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n")
	k.count(client, 91_000)
	k.request(server, "GET /next HTTP/1.1\r\nHost: h:1\r\n\r\n")
	k.close(abi.CloseReset, 104)
	other.eof()
	other.close(abi.CloseRemote, 0)
	var recording []byte
	for i := range max(len(k.records), len(other.records)) {
		for _, r := range [][][]byte{k.records, other.records} {
			if i < len(r) {
				recording = append(recording, r[i]...)
			}
		}
	}
	for name, b := range map[string][]byte{"two.events": recording, "two.golden": []byte(replay(t, recording))} {
		if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
