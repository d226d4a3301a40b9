package probes

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/propagation/samples"
	"github.com/throughline/throughline/internal/sampling"
)

// The child of these tests sends itself requests whose heads stand in a file, each on a
// connection of its own, at once or a few bytes at a time.

const headsRole = "heads "

// A headsFile is what the child sends.
type headsFile struct {
	Heads  []string
	Pieces []int // how many bytes of each go by one call; 0, or none said: all
}

func sendHeads(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var all headsFile
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for i, head := range all.Heads {
		piece := 0
		if i < len(all.Pieces) {
			piece = all.Pieces[i]
		}
		if err := sendHead([]byte(head), piece); err != nil {
			return err
		}
	}
	return nil
}

func sendHead(head []byte, piece int) error {
	a, b, err := pair("ipv4")
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if piece == 0 {
		piece = len(head)
	}
	got := make([]byte, len(head))
	for at := 0; at < len(head); at += piece {
		part := head[at:min(at+piece, len(head))]
		if _, err := unix.Write(a, part); err != nil {
			return err
		}
		for n := 0; n < len(part); {
			more, err := unix.Read(b, got[at+n:at+len(part)])
			if err != nil {
				return err
			}
			n += more
		}
	}
	if _, err := unix.Write(b, []byte(responseText)); err != nil {
		return err
	}
	if _, err := unix.Read(a, make([]byte, len(responseText))); err != nil {
		return err
	}
	return errors.Join(unix.Close(a), unix.Close(b))
}

// read is what the kernel made of a request: the SERVER span, and what goes on from it.
type read struct {
	ctx                 abi.TraceContext
	tracestate, baggage string
}

// readHeads has the kernel read heads by the formats; the result is in their order.
func readHeads(t *testing.T, formats propagation.Formats, file headsFile) (all []read, lost map[string]uint64) {
	t.Helper()
	p, err := Open(Config{NoInject: true, NoJoin: true, Propagators: formats,
		Sampling: Sampling{Sampler: sampling.Default(), ReportUnsampled: true}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, head := range file.Heads {
		file.Heads[i] = strings.Replace(head, "/", "/"+strconv.Itoa(i), 1)
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "heads.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r := observe(t, p, headsRole+name)
	all = make([]read, len(file.Heads))
	for key, both := range r.bytes {
		asked := string(both[abi.DirectionReceived])
		if !strings.HasPrefix(asked, "GET /") {
			continue // the client's end
		}
		i, err := strconv.Atoi(strings.Fields(asked)[1][1:])
		if err != nil {
			t.Fatal(err)
		}
		all[i].ctx = r.last[key]
		all[i].tracestate, all[i].baggage = carriedBy(t, p, r.last[key].SpanId)
	}
	lost = map[string]uint64{}
	for _, s := range p.Samples() {
		lost[s.Name] = s.Value
	}
	return all, lost
}

// carriedBy reads what goes on from a span (struct carried in bpf/gather.h).
func carriedBy(t *testing.T, p *Probes, span [8]uint8) (tracestate, baggage string) {
	t.Helper()
	m := p.maps["carried"]
	value := make([]byte, m.ValueSize())
	if err := m.Lookup(span[:], &value); err != nil {
		return "", ""
	}
	state, list := binary.NativeEndian.Uint16(value), binary.NativeEndian.Uint16(value[2:])
	return string(value[8 : 8+state]), string(value[8+512 : 8+512+int(list)])
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading kernel programs needs root")
	}
}

// TestKernelReads: the kernel reads every sample as the agent does, in one piece or many.
func TestKernelReads(t *testing.T) {
	needRoot(t)
	groups := map[string][]samples.Sample{}
	for _, s := range samples.All() {
		groups[s.Read().String()] = append(groups[s.Read().String()], s)
	}
	pieces := []int{0, 1, 37}
	for name, group := range groups {
		t.Run(name, func(t *testing.T) {
			var file headsFile
			for _, s := range group {
				for _, piece := range pieces {
					file.Heads, file.Pieces = append(file.Heads, s.Head("/")), append(file.Pieces, piece)
				}
			}
			all, lost := readHeads(t, group[0].Read(), file)
			for i, got := range all {
				s := group[i/len(pieces)]
				s.Name = fmt.Sprintf("%s, by %d", s.Name, file.Pieces[i])
				checkRead(t, s, got)
			}
			if lost["context_cut"]+lost["carried_too_long"] > 0 {
				t.Errorf("lost: %v", lost)
			}
		})
	}
}

func checkRead(t *testing.T, s samples.Sample, got read) {
	t.Helper()
	trace, parent := hex.EncodeToString(got.ctx.TraceId[:]), hex.EncodeToString(got.ctx.ParentId[:])
	sampled := got.ctx.Flags&propagation.Sampled != 0
	switch {
	case s.Format != "" && (trace != s.Trace || parent != s.Span || sampled == s.Unsampled):
		t.Errorf("%s: read %s-%s sampled %t, want %s-%s %t", s.Name, trace, parent, sampled, s.Trace, s.Span, !s.Unsampled)
	case s.Format == "" && (got.ctx.ParentId != [8]uint8{} || trace == s.Trace || sampled != (s.Decision != propagation.Drop)):
		t.Errorf("%s: read %s-%s sampled %t, want a trace of its own", s.Name, trace, parent, sampled)
	}
	if got.tracestate != s.Tracestate || got.baggage != s.Baggage {
		t.Errorf("%s: tracestate %q and baggage %q go on, want %q and %q", s.Name, got.tracestate, got.baggage, s.Tracestate, s.Baggage)
	}
}

// TestKernelCounts: what is lost is counted.
func TestKernelCounts(t *testing.T) {
	needRoot(t)
	formats := propagation.Formats{propagation.TraceContext, propagation.Baggage, propagation.B3}
	traceparent := samples.Header{Name: "traceparent", Value: "00-" + samples.Trace + "-" + samples.Span + "-01"}
	several := make([]samples.Header, 40)
	for i := range several {
		several[i] = samples.Header{Name: "b3", Value: "1"}
	}
	for _, c := range []struct {
		name, counter string
		headers       []samples.Header
	}{
		{"another trace", "context_conflict", []samples.Header{traceparent, {Name: "b3", Value: samples.OtherTrace + "-" + samples.Span}}},
		{"much tracestate", "carried_too_long", []samples.Header{traceparent, {Name: "tracestate", Value: "a=" + strings.Repeat("b", 600)}}},
		{"much baggage", "carried_too_long", []samples.Header{traceparent, {Name: "baggage", Value: "a=" + strings.Repeat("b", 1100)}}},
		{"more than is gathered", "context_cut", []samples.Header{traceparent, {Name: "baggage", Value: "a=" + strings.Repeat("b", 2500)}}},
		{"too many fields", "context_cut", append([]samples.Header{traceparent}, several...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := samples.Sample{Headers: c.headers}
			all, lost := readHeads(t, formats, headsFile{Heads: []string{s.Head("/")}})
			if lost[c.counter] == 0 {
				t.Errorf("%s is 0", c.counter)
			}
			if trace := hex.EncodeToString(all[0].ctx.TraceId[:]); trace != samples.Trace || all[0].baggage != "" || all[0].tracestate != "" {
				t.Errorf("trace %s, tracestate %q, baggage %q", trace, all[0].tracestate, all[0].baggage)
			}
		})
	}
}

var mutations = 400 // requests that TestKernelAgrees makes up

// TestKernelAgrees: kernel and agent make the same of samples that were damaged at random.
func TestKernelAgrees(t *testing.T) {
	needRoot(t)
	formats := propagation.All()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	all := samples.All()
	var heads []string
	var want []propagation.Remote
	for range mutations {
		s := samples.Sample{Headers: damage(r, all[r.IntN(len(all))].Headers)}
		heads = append(heads, s.Head("/"))
		want = append(want, formats.Read(valuesOf(formats, s.Headers)))
	}
	got, _ := readHeads(t, formats, headsFile{Heads: heads})
	for i, w := range want {
		ctx := got[i].ctx
		same := ctx.TraceId == w.TraceID && ctx.ParentId == w.SpanID && ctx.Flags&1 == w.Flags&1
		if w.Format == "" {
			same = ctx.ParentId == [8]uint8{} && ctx.Flags&1 == 0 == (w.Decision == propagation.Drop)
		}
		if !same {
			t.Errorf("seed %d: of %q the agent makes %+v, the kernel %x-%x %d", seed, heads[i], w, ctx.TraceId, ctx.ParentId, ctx.Flags)
		}
	}
}

// damage changes, drops or inserts a byte of a value or two.
func damage(r *rand.Rand, headers []samples.Header) []samples.Header {
	const bytes = "0123456789abcdefABx-:;=,. dRPS"
	out := append([]samples.Header{}, headers...)
	for range 1 + r.IntN(2) {
		if len(out) == 0 {
			break
		}
		h := &out[r.IntN(len(out))]
		at := r.IntN(len(h.Value) + 1)
		b := string(bytes[r.IntN(len(bytes))])
		switch r.IntN(3) {
		case 0:
			h.Value = h.Value[:at] + b + h.Value[at:]
		case 1:
			h.Value = h.Value[:at] + h.Value[min(at+1, len(h.Value)):]
		case 2:
			h.Value = h.Value[:at] + b + h.Value[min(at+1, len(h.Value)):]
		}
	}
	return out
}

func valuesOf(formats propagation.Formats, headers []samples.Header) []propagation.Value {
	m := formats.Matcher()
	var all []propagation.Value
	for _, h := range headers {
		if f := m.Field([]byte(h.Name)); f != 0 {
			all = append(all, propagation.Value{Field: f, Text: []byte(strings.Trim(h.Value, " \t"))})
		}
	}
	return all
}
