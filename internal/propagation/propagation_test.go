package propagation_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/throughline/throughline/internal/propagation"
	"github.com/throughline/throughline/internal/propagation/samples"
)

// fields finds the fields of a sample, as a parser of heads does.
func fields(s samples.Sample) []propagation.Value {
	m := s.Read().Matcher()
	var all []propagation.Value
	for _, h := range s.Headers {
		if f := m.Field([]byte(h.Name)); f != 0 {
			all = append(all, propagation.Value{Field: f, Text: bytes.Trim([]byte(h.Value), " \t")})
		}
	}
	return all
}

func TestRead(t *testing.T) {
	for _, s := range samples.All() {
		r := s.Read().Read(fields(s))
		if r.Format != s.Format || r.Decision != s.Decision || r.Tracestate != s.Tracestate || r.DebugID != s.DebugID {
			t.Errorf("%s: got %+v", s.Name, r)
		}
		if s.Format == "" {
			continue
		}
		if trace, span := hex.EncodeToString(r.TraceID[:]), hex.EncodeToString(r.SpanID[:]); trace != s.Trace || span != s.Span {
			t.Errorf("%s: got %s-%s, want %s-%s", s.Name, trace, span, s.Trace, s.Span)
		}
		if r.Flags&propagation.Sampled == 0 != s.Unsampled {
			t.Errorf("%s: flags %d, want unsampled %t", s.Name, r.Flags, s.Unsampled)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ list, want, err string }{
		{"", "tracecontext, baggage", ""},
		{" ", "tracecontext, baggage", ""},
		{"b3", "b3", ""},
		{" xray, b3multi ,xray,", "xray, b3multi", ""},
		{"none", "", ""},
		{"none,b3", "", "cannot stand beside"},
		{"b3,ottrace", "", "no propagator is called \"ottrace\""},
		{"B3", "", "no propagator is called \"B3\""},
	} {
		got, err := propagation.Parse(c.list)
		switch {
		case c.err == "" && (err != nil || got == nil || got.String() != c.want):
			t.Errorf("%q: got %v, %v", c.list, got, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%q: got %v, want an error with %q", c.list, err, c.err)
		}
	}
}

// TestBlock writes each format's lines and reads them again.
func TestBlock(t *testing.T) {
	want := propagation.Remote{Flags: propagation.Sampled}
	trace, _ := hex.DecodeString(samples.Trace)
	span, _ := hex.DecodeString(samples.Span)
	copy(want.TraceID[:], trace)
	copy(want.SpanID[:], span)
	for _, f := range propagation.All() {
		if f == propagation.Baggage {
			continue
		}
		formats := propagation.Formats{f}
		s := samples.Sample{Formats: formats}
		for line := range strings.SplitSeq(strings.TrimSuffix(written(formats.Block(), want), "\r\n"), "\r\n") {
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Errorf("%s: %q is no header line", f, line)
			}
			s.Headers = append(s.Headers, samples.Header{Name: name, Value: value})
		}
		want.Format = f
		if got := formats.Read(fields(s)); got != want {
			t.Errorf("%s: %+v became %+v by %v", f, want, got, s.Headers)
		}
	}
}

// FuzzRead: whatever the fields say, a context has both ids, and a format that was asked
// for.
func FuzzRead(f *testing.F) {
	for _, s := range samples.All() {
		for _, h := range s.Headers {
			if which := propagation.All().Matcher().Field([]byte(h.Name)); which != 0 {
				f.Add(byte(which), h.Value, byte(propagation.B3SpanID), samples.Span)
			}
		}
	}
	f.Fuzz(func(t *testing.T, first byte, one string, second byte, other string) {
		all := []propagation.Value{{Field: propagation.Field(first), Text: []byte(one)}, {Field: propagation.Field(second), Text: []byte(other)}}
		for _, format := range propagation.All() {
			r := propagation.Formats{format}.Read(all)
			if r.Format == "" {
				continue
			}
			b3 := format == propagation.B3 || format == propagation.B3Multi
			if r.TraceID == [16]byte{} || r.SpanID == [8]byte{} || r.Format != format && !b3 || r.Decision != propagation.Undecided {
				t.Errorf("%s of %q and %q: %+v", format, one, other, r)
			}
		}
	})
}
