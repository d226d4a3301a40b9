package propagation

import "bytes"

// key returns the value of a key in a list of key=value, the first one's.
func key(list []byte, delimiter byte, name string) (value []byte, ok bool) {
	for more := true; more; {
		var item []byte
		item, list, more = bytes.Cut(list, []byte{delimiter})
		if value, ok = bytes.CutPrefix(item, []byte(name)); ok {
			return value, true
		}
	}
	return nil, false
}

// readXRay reads Root=1-{epoch}-{unique};Parent={span id};Sampled={0|1}, in any order and
// with other keys between them. Epoch and unique part are the trace id.
func readXRay(v values) Remote {
	var r Remote
	text, ok := v.one(AmznTraceID)
	if !ok {
		return r
	}
	root, _ := key(text, ';', "Root=")
	root, ok = bytes.CutPrefix(root, []byte("1-"))
	_, epoch, digits, rest := hexNumber(root)
	if !ok || digits != 8 {
		return Remote{}
	}
	rest, ok = cut(rest, '-')
	high, low, digits, rest := hexNumber(rest)
	if !ok || digits != 24 || len(rest) > 0 {
		return Remote{}
	}
	parent, _ := key(text, ';', "Parent=")
	span, ok := spanNumber(parent)
	if !ok {
		return Remote{}
	}
	r.setTrace(epoch<<32|high, low)
	r.setSpan(span)
	r.decide(Undecided)
	if sampled, _ := key(text, ';', "Sampled="); string(sampled) == "0" {
		r.decide(Drop)
	}
	return r.valid(XRay)
}

func linesOfXRay(b *Block) {
	b.field(AmznTraceID)
	b.text("Root=1-")
	b.trace(0, 4)
	b.text("-")
	b.trace(4, 12)
	b.text(";Parent=")
	b.span()
	b.text(";Sampled=")
	b.sampled()
	b.end()
}
