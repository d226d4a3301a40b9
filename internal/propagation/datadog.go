package propagation

// readDatadog reads ids in decimal: of the trace id the lower half, the upper one stands
// in the tags. A priority above zero is sampled.
func readDatadog(v values) Remote {
	var r Remote
	text, once := v.one(DatadogTraceID)
	low, ok := decimalNumber(text)
	if !once || !ok || low == 0 {
		return r
	}
	text, once = v.one(DatadogParentID)
	span, ok := decimalNumber(text)
	if !once || !ok {
		return r
	}
	var high uint64
	if tags, once := v.one(DatadogTags); once {
		if tid, ok := key(tags, ',', "_dd.p.tid="); ok {
			high, _ = spanNumber(tid)
			if _, whole := spanNumber(tid); !whole {
				high = 0
			}
		}
	}
	r.setTrace(high, low)
	r.setSpan(span)
	r.decide(Undecided)
	if p, once := v.one(DatadogPriority); once && (string(p) == "0" || len(p) > 0 && p[0] == '-') {
		r.decide(Drop)
	}
	return r.valid(Datadog)
}

func linesOfDatadog(b *Block) {
	b.field(DatadogTraceID)
	b.decimal(8) // the lower half
	b.end()
	b.field(DatadogParentID)
	b.decimal(spanAt)
	b.end()
	b.field(DatadogPriority)
	b.sampled()
	b.end()
	b.field(DatadogTags)
	b.high("_dd.p.tid=")
	b.end()
}
