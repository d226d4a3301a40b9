package judge

// A Verdict is what is found of one expected span, or of one span.
type Verdict int

// The verdicts. Of several spans for one key, the worst counts: the later one
// here.
const (
	Correct    Verdict = iota // the right parent, in the right trace
	Guessed                   // the right parent where none was passed
	None                      // no parent where that is right or allowed
	Orphaned                  // no parent where one was passed
	Crossed                   // a wrong parent, or somebody else's trace
	Missing                   // no span
	Duplicated                // one span more for the same side of a request
	Unasked                   // a span of no request that was made
)

func (v Verdict) String() string {
	return [...]string{"correct", "guessed right", "none", "orphaned", "crossed", "missing", "duplicated", "unasked"}[v]
}

// faults are the verdicts that are worth an example, the worst first.
func faults() []Verdict { return []Verdict{Crossed, Duplicated, Missing, Unasked, Orphaned} }

// maxExamples is how many requests are remembered for each fault.
const maxExamples = 5

// A judge holds what is known while it goes through the requests.
type judge struct {
	spans   map[Key][]Span
	keys    map[Context]Key
	clashes map[Context]bool    // identities that spans of different keys share
	owners  map[[16]byte]string // whose trace it is: the id of a driver's request
	result  Result
	unasked map[Key][]Span
}

// Judge compares the spans with the requests. Every expected span counts once,
// with one of Correct to Missing; Duplicated and Unasked are counted beside. Of
// requests that were sent before the agent traced, only what is wrong counts.
func Judge(requests []Request, spans []Span) Result {
	j := judge{
		spans: map[Key][]Span{}, keys: map[Context]Key{}, clashes: map[Context]bool{},
		owners: map[[16]byte]string{}, unasked: map[Key][]Span{},
		result: Result{Requests: len(requests), Spans: len(spans), examples: map[Verdict][]string{}},
	}
	for _, s := range spans {
		j.spans[s.Key] = append(j.spans[s.Key], s)
		j.unasked[s.Key] = j.spans[s.Key]
		if other, ok := j.keys[s.Context]; ok && other != s.Key {
			j.clashes[s.Context] = true
		}
		j.keys[s.Context] = s.Key
	}
	j.own(requests, spans)
	for _, q := range requests {
		j.request(q)
	}
	for key, list := range j.unasked {
		j.result.count(Unasked, len(list))
		for _, s := range list {
			j.result.example(Unasked, func() string { return key.String() + ": " + j.describe(s) + "\n" })
		}
	}
	return j.result
}

// own finds out whose the traces are: the driver's own first, then those of
// requests that came without a context, then those of spans without parent.
func (j *judge) own(requests []Request, spans []Span) {
	claim := func(trace [16]byte, id string) {
		if _, ok := j.owners[trace]; !ok {
			j.owners[trace] = root(id)
		}
	}
	for _, q := range requests {
		if !q.Sent.none() {
			claim(q.Sent.Trace, q.Expect[0].ID)
		}
	}
	for _, q := range requests {
		for _, s := range j.spans[q.Expect[0]] {
			claim(s.Trace, s.ID)
		}
	}
	for _, s := range spans {
		if s.Parent == [8]byte{} {
			claim(s.Trace, s.ID)
		}
	}
}

func (j *judge) request(q Request) {
	found := map[Verdict]bool{}
	for _, key := range q.Expect {
		delete(j.unasked, key)
		list := j.spans[key]
		verdict := Missing
		for i, s := range list {
			if v := j.span(q, s); i == 0 || v > verdict {
				verdict = v
			}
		}
		if !q.Early || verdict == Crossed {
			j.result.count(verdict, 1)
			found[verdict] = true
		}
		if !q.Early && !key.open() {
			j.result.Passed++
		}
		if extra := len(list) - 1; extra > 0 {
			j.result.count(Duplicated, extra)
			found[Duplicated] = true
		}
	}
	for _, v := range faults() {
		if found[v] {
			j.result.example(v, func() string { return j.tree(q) })
		}
	}
}

// span judges one span by its parent and its trace.
func (j *judge) span(q Request, s Span) Verdict {
	switch {
	case j.clashes[s.Context]:
		return Crossed
	case s.Parent == [8]byte{}:
		return j.without(q, s)
	case j.right(q, s) && s.open():
		return Guessed
	case j.right(q, s):
		return Correct
	case j.lost(s) && s.open():
		return None
	case j.lost(s):
		return Orphaned
	}
	return Crossed
}

// lost tells whether a span's parent may well be the right one, which is missing
// itself.
func (j *judge) lost(s Span) bool {
	key, traced := s.parent()
	_, known := j.keys[s.up()]
	owner := j.owners[s.Trace]
	return traced && !known && len(j.spans[key]) == 0 && (owner == "" || owner == root(s.ID))
}

// without judges a span that has no parent.
func (j *judge) without(q Request, s Span) Verdict {
	_, traced := s.parent()
	switch {
	case j.owners[s.Trace] != root(s.ID):
		return Crossed
	case !traced && q.Sent.none():
		return Correct
	case s.open():
		return None
	}
	return Orphaned
}

// right tells whether the span's parent is the one that it must be.
func (j *judge) right(q Request, s Span) bool {
	key, traced := s.parent()
	if !traced || s.Side == Server && mark(s.ID) == markForwarded {
		if !q.Sent.none() && s.up() == q.Sent {
			return true
		}
	}
	if !traced {
		return false
	}
	for _, p := range j.spans[key] {
		if s.up() == p.Context {
			return true
		}
	}
	return false
}
