package propagation

// readTraceContext reads traceparent by section 3.2 of W3C Trace Context level 2.
func readTraceContext(v values) Remote {
	var r Remote
	text, ok := v.one(Traceparent)
	if !ok || len(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return Remote{}
	}
	version, ok := octet(text[:2])
	if !ok || version == 0xff || version == 0 && len(text) != 55 || len(text) > 55 && text[55] != '-' {
		return Remote{}
	}
	high, low, digits, _ := hexNumber(text[3:35])
	span, whole := spanNumber(text[36:52])
	flags, ok := octet(text[53:55])
	if digits != 32 || !whole || !ok {
		return Remote{}
	}
	r.setTrace(high, low)
	r.setSpan(span)
	r.Flags = flags & knownBits
	return r.valid(TraceContext)
}

func octet(text []byte) (byte, bool) {
	_, n, digits, _ := hexNumber(text)
	return byte(n), digits == 2
}

func linesOfTraceContext(b *Block) {
	b.field(Traceparent)
	b.text("00-")
	b.trace(0, 16)
	b.text("-")
	b.span()
	b.text("-")
	b.flags()
	b.end()
}
