package samples

import (
	"strings"

	"github.com/throughline/throughline/internal/propagation"
)

// W3C Trace Context level 2, 3.2 and 3.3.
func w3c() []Sample {
	const f = propagation.TraceContext
	parent := func(v string) Header { return Header{"traceparent", v} }
	state := func(v string) Header { return Header{"tracestate", v} }
	whole := "00-" + Trace + "-" + Span + "-01"
	long := "a=" + strings.Repeat("b", 509)
	return []Sample{
		good("w3c", f, parent(whole)),
		good("w3c, any case", f, Header{"TraceParent", whole}),
		good("w3c, unsampled", f, parent("00-"+Trace+"-"+Span+"-00")).unsampled(),
		good("w3c, unknown flags", f, parent("00-"+Trace+"-"+Span+"-fd")),
		good("w3c, later version", f, parent("01-"+Trace+"-"+Span+"-01")),
		good("w3c, later version, longer", f, parent("cc-"+Trace+"-"+Span+"-01-what-the-future-will-be-like")),
		good("w3c, white space around", f, parent("  "+whole+" \t ")),
		good("w3c, state", f, parent(whole), state("a=1,b=2")).state("a=1,b=2"),
		good("w3c, state in several fields", f, state("a=1"), parent(whole), state("b=2"), state(""), state("c=3")).state("a=1,b=2,c=3"),
		good("w3c, state of 511 bytes", f, parent(whole), state(long)).state(long),
		bad("w3c, no parent", f, state("a=1")),
		bad("w3c, version ff", f, parent("ff-"+Trace+"-"+Span+"-01")),
		bad("w3c, version 00, longer", f, parent(whole+"-what")),
		bad("w3c, later version, no dash", f, parent("01-"+Trace+"-"+Span+"-01what")),
		bad("w3c, upper case", f, parent("00-"+strings.ToUpper(Trace)+"-"+Span+"-01")),
		bad("w3c, no trace", f, parent("00-"+strings.Repeat("0", 32)+"-"+Span+"-01")),
		bad("w3c, no span", f, parent("00-"+Trace+"-0000000000000000-01")),
		bad("w3c, short", f, parent(whole[:54]), state("a=1")),
		bad("w3c, empty", f, parent("")),
		bad("w3c, other delimiter", f, parent("00_"+Trace+"-"+Span+"-01")),
		bad("w3c, flags no number", f, parent("00-"+Trace+"-"+Span+"-0g")),
		bad("w3c, space within", f, parent("00-"+Trace+"- "+Span[1:]+"-01")),
		bad("w3c, twice", f, parent(whole), parent(whole)),
	}
}

// openzipkin/b3-propagation.
func b3() []Sample {
	const f, m = propagation.B3, propagation.B3Multi
	single := func(v string) Header { return Header{"b3", v} }
	multi := func(trace, span string, more ...Header) []Header {
		return append([]Header{{"X-B3-TraceId", trace}, {"x-b3-spanid", span}}, more...)
	}
	sampled := func(v string) Header { return Header{"X-B3-Sampled", v} }
	flags := func(v string) Header { return Header{"X-B3-Flags", v} }
	whole := Trace + "-" + Span
	all := []Sample{
		good("b3", f, single(whole+"-1")),
		good("b3, deferred", f, single(whole)),
		good("b3, not sampled", f, single(whole+"-0")).unsampled(),
		good("b3, debug", f, single(whole+"-d")),
		good("b3, parent", f, single(whole+"-1-"+OtherSpan)),
		good("b3, 64 bits", f, single(Half[16:]+"-"+Span+"-1")).trace(Half),
		good("b3, trailing space", f, single(whole+"-1 ")),
		bad("b3, deny alone", f, single("0")).decides(propagation.Drop),
		bad("b3, accept alone", f, single("1")).decides(propagation.Sample),
		bad("b3, debug alone", f, single("d")).decides(propagation.Sample),
		bad("b3, unknown decision alone", f, single("x")),
		bad("b3, unknown decision", f, single(whole+"-x")),
		bad("b3, no decision", f, single(whole+"-")),
		bad("b3, parent without decision", f, single(whole+"-"+OtherSpan)),
		bad("b3, bad parent", f, single(whole+"-1-"+OtherSpan[1:])),
		bad("b3, more", f, single(whole+"-1-"+OtherSpan+"-1")),
		bad("b3, upper case", f, single(strings.ToUpper(whole))),
		bad("b3, 48 digits", f, single(Trace+Trace[:16]+"-"+Span)),
		bad("b3, 20 digits", f, single(Trace[:20]+"-"+Span)),
		bad("b3, trace alone", f, single(Trace)),
		bad("b3, no trace", f, single(strings.Repeat("0", 32)+"-"+Span+"-1")),
		bad("b3, no span", f, single(Trace+"-0000000000000000-1")),
		bad("b3, empty", f, single("")),
		bad("b3, twice", f, single(whole+"-1"), single(whole+"-1")),
		good("b3multi", m, multi(Trace, Span, sampled("1"))...),
		good("b3multi, deferred", m, multi(Trace, Span)...),
		good("b3multi, not sampled", m, multi(Trace, Span, sampled("0"))...).unsampled(),
		good("b3multi, true", m, multi(Trace, Span, sampled("True"))...),
		good("b3multi, false", m, multi(Trace, Span, sampled("false"))...).unsampled(),
		good("b3multi, debug", m, multi(Trace, Span, flags("1"))...),
		good("b3multi, other flags", m, multi(Trace, Span, sampled("0"), flags("0"))...).unsampled(),
		good("b3multi, 64 bits", m, multi(Half[16:], Span, sampled("1"))...).trace(Half),
		good("b3multi, parent", m, multi(Trace, Span, Header{"X-B3-ParentSpanId", OtherSpan})...),
		bad("b3multi, deny alone", m, sampled("0")).decides(propagation.Drop),
		bad("b3multi, accept alone", m, sampled("1")).decides(propagation.Sample),
		bad("b3multi, debug alone", m, flags("1")).decides(propagation.Sample),
		bad("b3multi, unknown decision", m, multi(Trace, Span, sampled("2"))...),
		bad("b3multi, no word", m, multi(Trace, Span, sampled("trie"))...),
		bad("b3multi, no span", m, Header{"X-B3-TraceId", Trace}, sampled("1")),
		bad("b3multi, no trace", m, Header{"X-B3-SpanId", Span}, sampled("0")),
		bad("b3multi, bad trace", m, multi(Trace[1:], Span, sampled("0"))...),
		bad("b3multi, bad span", m, multi(Trace, Span+"0", sampled("1"))...),
		bad("b3multi, zero span", m, multi(Trace, strings.Repeat("0", 16), sampled("1"))...),
		bad("b3multi, two traces", m, append(multi(Trace, Span), Header{"X-B3-TraceId", OtherTrace})...),
	}
	either := good("b3, single before multi", f, append(multi(OtherTrace, OtherSpan), single(whole+"-1"))...)
	fallback := good("b3, multi if single is bad", f, append(multi(Trace, Span), single("nonsense"))...)
	fallback.Format = m
	other := good("b3multi reads single", m, single(whole))
	other.Format = f
	return append(all, either, fallback, other)
}

// jaegertracing.io, client libraries, propagation format.
func jaeger() []Sample {
	const f = propagation.Jaeger
	uber := func(v string) Header { return Header{"uber-trace-id", v} }
	debug := Header{"jaeger-debug-id", "look-here"}
	with := func(s Sample) Sample {
		s.DebugID = "look-here"
		return s
	}
	return []Sample{
		good("jaeger", f, uber(Trace+":"+Span+":0:1")),
		good("jaeger, unsampled", f, uber(Trace+":"+Span+":0:0")).unsampled(),
		good("jaeger, debug", f, uber(Trace+":"+Span+":0:3")),
		good("jaeger, flags of two digits", f, uber(Trace+":"+Span+":0:01")),
		good("jaeger, firehose alone", f, uber(Trace+":"+Span+":0:8")).unsampled(),
		good("jaeger, parent", f, uber(Trace+":"+Span+":"+OtherSpan+":1")),
		good("jaeger, no zeros before", f, uber("8448eb211c80319c:f067aa0ba902b7:0:1")).trace(Half).span(OtherSpan),
		good("jaeger, short trace", f, uber("abc:1:0:1")).trace("00000000000000000000000000000abc").span("0000000000000001"),
		with(good("jaeger, debug id", f, uber(Trace+":"+Span+":0:0"), debug)),
		with(bad("jaeger, debug id alone", f, debug).decides(propagation.Sample)),
		with(bad("jaeger, debug id, bad context", f, debug, uber("x")).decides(propagation.Sample)),
		bad("jaeger, three parts", f, uber(Trace+":"+Span+":1")),
		bad("jaeger, five parts", f, uber(Trace+":"+Span+":0:1:1")),
		bad("jaeger, no flags", f, uber(Trace+":"+Span+":0:")),
		bad("jaeger, flags no number", f, uber(Trace+":"+Span+":0:x")),
		bad("jaeger, long trace", f, uber(Trace+"0:"+Span+":0:1")),
		bad("jaeger, long span", f, uber(Trace+":"+Span+"0:0:1")),
		bad("jaeger, zero trace", f, uber("0:"+Span+":0:1")),
		bad("jaeger, zero span", f, uber(Trace+":0:0:1")),
		bad("jaeger, no ids", f, uber("::0:1")),
		bad("jaeger, empty", f, uber("")),
		bad("jaeger, twice", f, uber(Trace+":"+Span+":0:1"), uber(Trace+":"+Span+":0:1")),
	}
}

// AWS X-Ray, tracing header.
func xray() []Sample {
	const f = propagation.XRay
	amzn := func(v string) Header { return Header{"X-Amzn-Trace-Id", v} }
	root := "Root=1-" + Trace[:8] + "-" + Trace[8:]
	parent := "Parent=" + Span
	return []Sample{
		good("xray", f, amzn(root+";"+parent+";Sampled=1")),
		good("xray, unsampled", f, amzn(root+";"+parent+";Sampled=0")).unsampled(),
		good("xray, undecided", f, amzn(root+";"+parent)),
		good("xray, asks", f, amzn(root+";"+parent+";Sampled=?")),
		good("xray, another order", f, amzn("Sampled=1;"+parent+";"+root)),
		good("xray, others between", f, amzn("Self=1-67891234-12456789abcdef012345678;"+root+";Lineage=a87bd80c:1|68fd508a:5;"+parent+";Sampled=0")).unsampled(),
		bad("xray, root alone", f, amzn(root)),
		bad("xray, parent alone", f, amzn(parent)),
		bad("xray, version 2", f, amzn("Root=2-"+Trace[:8]+"-"+Trace[8:]+";"+parent)),
		bad("xray, no epoch", f, amzn("Root=1-"+Trace+";"+parent)),
		bad("xray, long root", f, amzn(root+"0;"+parent)),
		bad("xray, short parent", f, amzn(root+";Parent="+Span[1:])),
		bad("xray, long parent", f, amzn(root+";"+parent+"0")),
		bad("xray, zero", f, amzn("Root=1-00000000-"+strings.Repeat("0", 24)+";"+parent)),
		bad("xray, other key", f, amzn("X"+root+";"+parent)),
		bad("xray, empty", f, amzn("")),
		bad("xray, twice", f, amzn(root+";"+parent), amzn(root+";"+parent)),
	}
}

// docs.datadoghq.com, trace context propagation.
func datadog() []Sample {
	const (
		f    = propagation.Datadog
		low  = "9532127138774266268"  // Trace[16:]
		span = "13235353014750950193" // Span
		most = "18446744073709551615"
	)
	ids := func(trace, parent string, more ...Header) []Header {
		return append([]Header{{"x-datadog-trace-id", trace}, {"x-datadog-parent-id", parent}}, more...)
	}
	priority := func(v string) Header { return Header{"x-datadog-sampling-priority", v} }
	tags := func(v string) Header { return Header{"x-datadog-tags", v} }
	tid := "_dd.p.tid=" + Trace[:16]
	return []Sample{
		good("datadog", f, ids(low, span, priority("1"), tags(tid))...),
		good("datadog, among tags", f, ids(low, span, priority("1"), tags("_dd.p.dm=-4,"+tid+",_dd.p.usr.id=x"))...),
		good("datadog, undecided", f, ids(low, span, tags(tid))...),
		good("datadog, kept by a user", f, ids(low, span, priority("2"), tags(tid))...),
		good("datadog, dropped", f, ids(low, span, priority("0"), tags(tid))...).unsampled(),
		good("datadog, dropped by a user", f, ids(low, span, priority("-1"), tags(tid))...).unsampled(),
		good("datadog, 64 bits", f, ids(low, span, priority("1"))...).trace(Half),
		good("datadog, bad upper half", f, ids(low, span, tags(tid+"0"))...).trace(Half),
		good("datadog, upper half of another key", f, ids(low, span, tags("x"+tid))...).trace(Half),
		good("datadog, small", f, ids("7", "8")...).trace(strings.Repeat("0", 31) + "7").span("0000000000000008"),
		good("datadog, large", f, ids(most, most)...).trace("0000000000000000ffffffffffffffff").span("ffffffffffffffff"),
		bad("datadog, too large", f, ids("18446744073709551616", span)...),
		bad("datadog, far too large", f, ids("99999999999999999999", span)...),
		bad("datadog, 21 digits", f, ids("1"+most, span)...),
		bad("datadog, parent too large", f, ids(low, "28446744073709551615")...),
		bad("datadog, no parent", f, Header{"x-datadog-trace-id", low}),
		bad("datadog, no trace", f, Header{"x-datadog-parent-id", span}, priority("0")),
		bad("datadog, zero trace", f, ids("0", span)...),
		bad("datadog, zero parent", f, ids(low, "0")...),
		bad("datadog, hexadecimal", f, ids(Half[16:], span)...),
		bad("datadog, negative", f, ids("-"+low[1:], span)...),
		bad("datadog, twice", f, append(ids(low, span), Header{"x-datadog-trace-id", low})...),
	}
}

// Several formats in one request, and baggage.
func order() []Sample {
	w3c := Header{"traceparent", "00-" + Trace + "-" + Span + "-01"}
	b3 := Header{"b3", OtherTrace + "-" + OtherSpan + "-0"}
	same := Header{"uber-trace-id", Trace + ":" + OtherSpan + ":0:1"}
	baggage := Header{"baggage", "k=v, l=w;p=q"}
	first := Sample{Name: "the first format counts", Formats: propagation.Formats{propagation.TraceContext, propagation.B3},
		Headers: []Header{b3, w3c}, Format: propagation.TraceContext, Trace: Trace, Span: Span}
	second := first
	second.Name, second.Formats = "by the order of the formats", propagation.Formats{propagation.B3, propagation.TraceContext}
	second.Format, second.Trace, second.Span, second.Unsampled = propagation.B3, OtherTrace, OtherSpan, true
	invalid := second
	invalid.Name, invalid.Formats = "the first that is valid", first.Formats
	invalid.Headers = []Header{{"traceparent", "00-nonsense"}, {"tracestate", "a=1"}, b3}
	unread := first
	unread.Name, unread.Formats = "what is not chosen is not read", propagation.Formats{propagation.TraceContext}
	two := first
	two.Name, two.Formats, two.Headers = "one trace in two formats", propagation.Formats{propagation.Jaeger, propagation.TraceContext}, []Header{w3c, same}
	two.Format, two.Span = propagation.Jaeger, OtherSpan
	denied := first
	denied.Name, denied.Headers = "a context goes before a decision", []Header{{"b3", "0"}, w3c}
	carried := first
	carried.Name, carried.Formats = "baggage", propagation.Default()
	carried.Headers, carried.Baggage = []Header{w3c, baggage}, "k=v, l=w;p=q"
	alone := Sample{Name: "baggage alone", Headers: []Header{baggage, {"Baggage", "m=x"}}, Baggage: "k=v, l=w;p=q,m=x"}
	none := Sample{Name: "none", Formats: propagation.Formats{}, Headers: []Header{w3c, b3, baggage}}
	return []Sample{first, second, invalid, unread, two, denied, carried, alone, none}
}
