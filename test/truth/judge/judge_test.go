package judge

import (
	"strings"
	"testing"
)

// hand makes spans by hand: identities are small numbers.
func hand(side Side, id string, trace, span, parent byte) Span {
	s := Span{Key: Key{id, side}}
	s.Trace[0], s.Span[7], s.Parent[7] = trace, span, parent
	return s
}

// call is r1 with one call, whose id has the suffix.
func call(suffix string, sent Context) []Request {
	return []Request{{Sent: sent, Expect: []Key{{"r1", Server}, {"r1." + suffix, Client}, {"r1." + suffix, Server}}}}
}

func driver(trace, span byte) Context {
	return hand(Client, "", trace, span, 0).Context
}

func TestJudge(t *testing.T) {
	// counts in the order of the verdicts
	type counts = [Unasked + 1]int
	root, first, last := hand(Server, "r1", 1, 1, 0), hand(Client, "r1.1", 1, 2, 1), hand(Server, "r1.1", 1, 3, 2)
	other := Request{Expect: []Key{{"r2", Server}}}
	otherRoot := hand(Server, "r2", 2, 8, 0)
	for _, c := range []struct {
		name     string
		requests []Request
		spans    []Span
		want     counts
		good     bool
	}{
		{"all right", call("1", Context{}), []Span{root, first, last}, counts{Correct: 3}, true},
		{"order does not matter", call("1", Context{}), []Span{last, first, root}, counts{Correct: 3}, true},
		{"no span at all", call("1", Context{}), nil, counts{Missing: 3}, false},
		{"one missing", call("1", Context{}), []Span{root, first}, counts{Correct: 2, Missing: 1}, false},
		{"call without parent", call("1", Context{}),
			[]Span{root, hand(Client, "r1.1", 7, 2, 0), hand(Server, "r1.1", 7, 3, 2)}, counts{Correct: 2, Orphaned: 1}, false},
		{"call without parent in the right trace", call("1", Context{}),
			[]Span{root, hand(Client, "r1.1", 1, 2, 0), last}, counts{Correct: 2, Orphaned: 1}, false},
		{"served without parent", call("1", Context{}),
			[]Span{root, first, hand(Server, "r1.1", 7, 3, 0)}, counts{Correct: 2, Orphaned: 1}, false},
		{"parent missing", call("1", Context{}), []Span{root, last}, counts{Correct: 1, Orphaned: 1, Missing: 1}, false},
		{"parent missing, of a trace that has nothing else", call("1", Context{}),
			[]Span{root, hand(Server, "r1.1", 7, 3, 2)}, counts{Correct: 1, Orphaned: 1, Missing: 1}, false},
		{"parent missing, but the trace is another's", append(call("1", Context{}), other),
			[]Span{root, hand(Server, "r1.1", 2, 3, 2), otherRoot}, counts{Correct: 2, Crossed: 1, Missing: 1}, false},
		{"another request's", append(call("1", Context{}), other),
			[]Span{root, hand(Client, "r1.1", 2, 2, 8), hand(Server, "r1.1", 2, 3, 2), otherRoot},
			counts{Correct: 3, Crossed: 1}, false},
		{"grandparent instead of parent", call("1", Context{}),
			[]Span{root, first, hand(Server, "r1.1", 1, 3, 1)}, counts{Correct: 2, Crossed: 1}, false},
		{"unknown parent", call("1", Context{}),
			[]Span{root, hand(Client, "r1.1", 1, 2, 99), last}, counts{Correct: 2, Crossed: 1}, false},
		{"right parent in the wrong trace", call("1", Context{}),
			[]Span{root, hand(Client, "r1.1", 9, 2, 1), last}, counts{Correct: 1, Crossed: 2}, false},
		{"no parent in another's trace", append(call("1", Context{}), other),
			[]Span{root, hand(Client, "r1.1", 2, 2, 0), hand(Server, "r1.1", 2, 3, 2), otherRoot},
			counts{Correct: 3, Crossed: 1}, false},
		{"two roots in one trace", []Request{{Expect: []Key{{"r1", Server}}}, other},
			[]Span{root, hand(Server, "r2", 1, 8, 0)}, counts{Correct: 1, Crossed: 1}, false},
		{"root with a parent", []Request{other}, []Span{hand(Server, "r2", 2, 8, 5)}, counts{Crossed: 1}, false},
		{"an id that two spans share", call("1", Context{}),
			[]Span{root, hand(Client, "r1.1", 1, 1, 1), hand(Server, "r1.1", 1, 3, 1)}, counts{Correct: 1, Crossed: 2}, false},
		{"duplicated", call("1", Context{}),
			[]Span{root, first, last, hand(Client, "r1.1", 1, 4, 1)}, counts{Correct: 3, Duplicated: 1}, false},
		{"exported twice", call("1", Context{}), []Span{root, first, last, last}, counts{Correct: 3, Duplicated: 1}, false},
		{"the worst of two counts", append(call("1", Context{}), other),
			[]Span{root, hand(Client, "r1.1", 2, 4, 8), first, last, otherRoot}, counts{Correct: 3, Crossed: 1, Duplicated: 1}, false},
		{"unasked request", []Request{other}, []Span{otherRoot, root}, counts{Correct: 1, Unasked: 1}, false},
		{"unasked side", []Request{other}, []Span{otherRoot, hand(Client, "r2", 2, 9, 0)}, counts{Correct: 1, Unasked: 1}, false},

		{"sent context adopted", call("1", driver(1, 77)),
			[]Span{hand(Server, "r1", 1, 1, 77), first, last}, counts{Correct: 3}, true},
		{"sent context not adopted", call("1", driver(5, 77)),
			[]Span{root, first, last}, counts{Correct: 2, Crossed: 0, Orphaned: 1}, false},
		{"sent context's trace without its span", call("1", driver(1, 77)),
			[]Span{root, first, last}, counts{Correct: 2, Orphaned: 1}, false},
		{"another's context adopted", []Request{{Sent: driver(5, 77), Expect: []Key{{"r1", Server}}}, {Sent: driver(6, 78), Expect: []Key{{"r2", Server}}}},
			[]Span{hand(Server, "r1", 6, 1, 78), hand(Server, "r2", 6, 2, 78)}, counts{Correct: 1, Crossed: 1}, false},
		{"a context that was not sent to it", []Request{other, {Sent: driver(6, 78), Expect: []Key{{"r3", Server}}}},
			[]Span{hand(Server, "r2", 6, 8, 78), hand(Server, "r3", 6, 9, 78)}, counts{Correct: 1, Crossed: 1}, false},

		{"none passed: none", call("n1", Context{}),
			[]Span{root, hand(Client, "r1.n1", 7, 2, 0), hand(Server, "r1.n1", 7, 3, 2)}, counts{Correct: 2, None: 1}, true},
		{"none passed: guessed", call("n1", Context{}),
			[]Span{root, hand(Client, "r1.n1", 1, 2, 1), hand(Server, "r1.n1", 1, 3, 2)}, counts{Correct: 2, Guessed: 1}, true},
		{"none passed: guessed wrong", append(call("n1", Context{}), other),
			[]Span{root, hand(Client, "r1.n1", 2, 2, 8), hand(Server, "r1.n1", 2, 3, 2), otherRoot}, counts{Correct: 3, Crossed: 1}, false},
		{"none passed: missing", call("n1", Context{}),
			[]Span{root, hand(Server, "r1.n1", 7, 3, 2)}, counts{Correct: 1, Orphaned: 1, Missing: 1}, false},
		{"may: none", call("m1", Context{}),
			[]Span{root, hand(Client, "r1.m1", 7, 2, 0), hand(Server, "r1.m1", 7, 3, 2)}, counts{Correct: 2, None: 1}, true},
		{"may: right", call("m1", Context{}),
			[]Span{root, hand(Client, "r1.m1", 1, 2, 1), hand(Server, "r1.m1", 1, 3, 2)}, counts{Correct: 2, Guessed: 1}, true},
		{"may: its parent is missing", call("m1", Context{}),
			[]Span{hand(Client, "r1.m1", 1, 2, 1), hand(Server, "r1.m1", 1, 3, 2)}, counts{Correct: 1, None: 1, Missing: 1}, false},

		{"forwarded: the header stays", call("f1", driver(1, 77)),
			[]Span{hand(Server, "r1", 1, 1, 77), hand(Client, "r1.f1", 1, 2, 1), hand(Server, "r1.f1", 1, 3, 77)}, counts{Correct: 3}, true},
		{"forwarded: a header of its own", call("f1", driver(1, 77)),
			[]Span{hand(Server, "r1", 1, 1, 77), hand(Client, "r1.f1", 1, 2, 1), hand(Server, "r1.f1", 1, 3, 2)}, counts{Correct: 3}, true},
		{"forwarded: nothing to forward", call("f1", Context{}),
			[]Span{root, hand(Client, "r1.f1", 1, 2, 1), hand(Server, "r1.f1", 1, 3, 0)}, counts{Correct: 2, Orphaned: 1}, false},
		{"not forwarded, but the header stays", call("1", driver(1, 77)),
			[]Span{hand(Server, "r1", 1, 1, 77), first, hand(Server, "r1.1", 1, 3, 77)}, counts{Correct: 2, Crossed: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Judge(c.requests, c.spans)
			if r.Counts != c.want {
				t.Errorf("counts are %v, not %v", r.Counts, c.want)
				for _, v := range r.Faults() {
					t.Logf("%s:\n%s", v, strings.Join(r.Examples(v), "\n"))
				}
			}
			if r.Good() != c.good {
				t.Errorf("good is %v", r.Good())
			}
			if c.good != (len(r.Faults()) == 0) {
				t.Errorf("faults are %v", r.Faults())
			}
		})
	}
}

func TestShare(t *testing.T) {
	var r Result
	if r.CorrectShare() != 1 || !r.Good() {
		t.Error("nothing asked, nothing wrong")
	}
	r.Add(Result{Passed: 1000, Counts: [Unasked + 1]int{Correct: 999, Orphaned: 1}})
	if !r.Good() {
		t.Error("1 of 1000 without parent is too many")
	}
	r.Add(Result{Passed: 1000, Counts: [Unasked + 1]int{Correct: 998, Orphaned: 2}})
	if r.Good() {
		t.Error("3 of 2000 without parent are few enough")
	}
}

func TestEarly(t *testing.T) {
	requests := call("1", Context{})
	requests[0].Early = true
	part := []Span{hand(Client, "r1.1", 1, 2, 9), hand(Server, "r1.1", 1, 3, 0)}
	if r := Judge(requests, part); r.Counts != (Result{}).Counts || !r.Good() || len(r.Faults()) != 0 {
		t.Errorf("a request that began before the agent is held against it: %v", r.Counts)
	}
	r := Judge(requests, append(part, hand(Server, "r1", 1, 1, 0), part[1]))
	if r.Counts[Crossed] != 1 || r.Counts[Duplicated] != 1 || r.Good() || len(r.Faults()) != 2 {
		t.Errorf("what is wrong of it is not held against the agent: %v", r.Counts)
	}
}

func TestExamples(t *testing.T) {
	var requests []Request
	for range 2 * maxExamples {
		requests = append(requests, call("1", Context{})...)
	}
	r := Judge(requests, []Span{hand(Server, "r1", 1, 1, 0), hand(Client, "r1.1", 1, 2, 3)})
	if n := len(r.Examples(Missing)); n != maxExamples {
		t.Errorf("%d examples", n)
	}
	for _, want := range []string{"SERVER r1 ", "parent none", "parent SERVER r1 ", "of which there is no span: crossed", "got no span"} {
		if text := r.Examples(Crossed)[0]; !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}
