package propagation

import "bytes"

// readB3 reads either encoding, the single header first.
func readB3(v values) Remote {
	if r := readB3Single(v); r.Format != "" || r.Decision != Undecided {
		return r
	}
	return readB3Multi(v)
}

func b3Decision(letter byte) Decision {
	switch letter {
	case '0':
		return Drop
	case '1', 'd':
		return Sample
	}
	return Undecided
}

// readB3Single reads {trace id}-{span id}[-{state}[-{parent}]], or {state} alone.
func readB3Single(v values) Remote {
	var r Remote
	text, ok := v.one(B3Single)
	if !ok {
		return r
	}
	if len(text) == 1 {
		r.Decision = b3Decision(text[0])
		return r
	}
	high, low, digits, rest := hexNumber(text)
	if digits != 16 && digits != 32 {
		return Remote{}
	}
	rest, ok = cut(rest, '-')
	_, span, digits, rest := hexNumber(rest)
	if !ok || digits != 16 {
		return Remote{}
	}
	r.setTrace(high, low)
	r.setSpan(span)
	r.decide(Undecided)
	if len(rest) == 0 {
		return r.valid(B3)
	}
	if rest, ok = cut(rest, '-'); !ok || len(rest) == 0 || b3Decision(rest[0]) == Undecided {
		return Remote{}
	}
	r.decide(b3Decision(rest[0]))
	if rest = rest[1:]; len(rest) == 0 {
		return r.valid(B3)
	}
	rest, ok = cut(rest, '-')
	if _, whole := spanNumber(rest); !ok || !whole {
		return Remote{}
	}
	return r.valid(B3)
}

// readB3Multi reads a header a part. A decision that is not one of the known makes all
// of it malformed, and so does half a context.
func readB3Multi(v values) Remote {
	var r Remote
	decision, ok := b3Sampling(v)
	if !ok {
		return r
	}
	if !v.has(B3TraceID) && !v.has(B3SpanID) {
		r.Decision = decision
		return r
	}
	trace, once := v.one(B3TraceID)
	span, too := v.one(B3SpanID)
	high, low, digits, rest := hexNumber(trace)
	id, whole := spanNumber(span)
	if !once || !too || digits != 16 && digits != 32 || len(rest) > 0 || !whole {
		return r
	}
	r.setTrace(high, low)
	r.setSpan(id)
	r.decide(decision)
	return r.valid(B3Multi)
}

// b3Sampling reads X-B3-Sampled, also in the words of old senders, and X-B3-Flags.
func b3Sampling(v values) (d Decision, ok bool) {
	if v.has(B3Sampled) {
		text, once := v.one(B3Sampled)
		switch {
		case !once:
			return Undecided, false
		case len(text) == 0:
		case string(text) == "1", bytes.EqualFold(text, []byte("true")):
			d = Sample
		case string(text) == "0", bytes.EqualFold(text, []byte("false")):
			d = Drop
		default:
			return Undecided, false
		}
	}
	if flags, once := v.one(B3Flags); once && string(flags) == "1" {
		d = Sample // debug
	}
	return d, true
}

func linesOfB3(b *Block) {
	b.field(B3Single)
	b.trace(0, 16)
	b.text("-")
	b.span()
	b.text("-")
	b.sampled()
	b.end()
}

func linesOfB3Multi(b *Block) {
	b.field(B3TraceID)
	b.trace(0, 16)
	b.end()
	b.field(B3SpanID)
	b.span()
	b.end()
	b.field(B3Sampled)
	b.sampled()
	b.end()
}
