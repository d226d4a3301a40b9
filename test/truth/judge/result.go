package judge

// A Result is what Judge found.
type Result struct {
	Requests int // of the driver
	Spans    int
	Passed   int // expected spans whose parent can be known

	Counts [Unasked + 1]int // by Verdict

	examples map[Verdict][]string
}

func (r *Result) count(v Verdict, n int) { r.Counts[v] += n }

func (r *Result) example(v Verdict, text func() string) {
	if len(r.examples[v]) < maxExamples {
		r.examples[v] = append(r.examples[v], text())
	}
}

// Examples returns a few requests that a fault was found in, as text.
func (r Result) Examples(v Verdict) []string { return r.examples[v] }

// Add adds another result's numbers.
func (r *Result) Add(other Result) {
	r.Requests += other.Requests
	r.Spans += other.Spans
	r.Passed += other.Passed
	for v, n := range other.Counts {
		r.Counts[v] += n
	}
}

// CorrectShare is the part of the spans whose parent can be known that have it.
func (r Result) CorrectShare() float64 {
	if r.Passed == 0 {
		return 1
	}
	return float64(r.Counts[Correct]) / float64(r.Passed)
}

// leastShare is the share of correct spans that is good enough.
const leastShare = 0.999

// Good tells whether nothing is wrong that must not be.
func (r Result) Good() bool {
	wrong := r.Counts[Crossed] + r.Counts[Missing] + r.Counts[Duplicated] + r.Counts[Unasked]
	return wrong == 0 && r.CorrectShare() >= leastShare
}

// Faults returns the verdicts found that are worth an example, the worst first.
func (r Result) Faults() []Verdict {
	var found []Verdict
	for _, v := range faults() {
		if len(r.examples[v]) > 0 {
			found = append(found, v)
		}
	}
	return found
}
