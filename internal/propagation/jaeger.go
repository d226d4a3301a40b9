package propagation

const uberSampled = 3 // sampled and debug

// readJaeger reads {trace id}:{span id}:{parent}:{flags}, numbers without leading zeros
// if need be. A debug id samples what has it.
func readJaeger(v values) Remote {
	var r Remote
	debug := v.has(JaegerDebugID)
	if debug {
		r.Decision = Sample
	}
	none := r
	text, ok := v.one(UberTraceID)
	if !ok {
		return none
	}
	high, low, digits, rest := hexNumber(text)
	rest, ok = cut(rest, ':')
	if !ok || digits == 0 {
		return none
	}
	_, span, digits, rest := hexNumber(rest)
	rest, ok = cut(rest, ':')
	if !ok || digits == 0 || digits > 16 {
		return none
	}
	_, _, digits, rest = hexNumber(rest) // deprecated: not used
	rest, ok = cut(rest, ':')
	if !ok || digits > 16 {
		return none
	}
	_, flags, digits, rest := hexNumber(rest)
	if digits < 1 || digits > 2 || len(rest) > 0 {
		return none
	}
	r = Remote{}
	r.setTrace(high, low)
	r.setSpan(span)
	if flags&uberSampled != 0 || debug {
		r.Flags = Sampled
	}
	if r = r.valid(Jaeger); r.Format == "" {
		return none
	}
	return r
}

func linesOfJaeger(b *Block) {
	b.field(UberTraceID)
	b.trace(0, 16)
	b.text(":")
	b.span()
	b.text(":0:")
	b.sampled()
	b.end()
}
