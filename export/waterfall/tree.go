package waterfall

import (
	"bytes"
	"slices"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/spanview"
)

// maxDepth is how deep the tree glyphs go; deeper spans are drawn at this depth.
const maxDepth = 64

// node is a span in its place.
type node struct {
	spanview.View
	// branch is the tree glyphs in front of the span.
	branch string
	// inherited is true when the parent span is of the same service.
	inherited bool
	// orphan is true when the span has a parent that is not among the trace's spans.
	orphan bool
	// leaf is true when no other span is its child.
	leaf bool
}

// tree is a trace in the order in which its spans are printed.
type tree struct {
	id         trace.TraceID
	nodes      []node
	start, end time.Time
	services   []string // in order of appearance
	errors     int
}

// duration is from the first start to the last end.
func (t *tree) duration() time.Duration { return t.end.Sub(t.start) }

// plant makes the tree of the spans of one trace.
func plant(spans []sdktrace.ReadOnlySpan) *tree {
	views := make([]spanview.View, len(spans))
	for i, span := range spans {
		views[i] = spanview.Of(span)
	}
	slices.SortStableFunc(views, func(a, b spanview.View) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	g := newGrower(views)
	g.grow()
	return g.tree
}

// grower orders spans so that each stands under its parent.
type grower struct {
	views    []spanview.View
	children map[trace.SpanID][]int
	first    map[trace.SpanID]int // the first span with an id, which gets the children
	placed   []bool
	tree     *tree
}

func newGrower(views []spanview.View) *grower {
	g := &grower{
		views: views, placed: make([]bool, len(views)),
		children: map[trace.SpanID][]int{}, first: map[trace.SpanID]int{},
		tree: &tree{id: views[0].Trace, start: views[0].Start, end: views[0].End},
	}
	for i, view := range views {
		if _, ok := g.first[view.ID]; !ok {
			g.first[view.ID] = i
		}
		if view.Parent.IsValid() && view.Parent != view.ID {
			g.children[view.Parent] = append(g.children[view.Parent], i)
		}
		if view.End.After(g.tree.end) {
			g.tree.end = view.End
		}
		if view.Start.After(g.tree.end) {
			g.tree.end = view.Start
		}
		if view.Failed {
			g.tree.errors++
		}
		if !slices.Contains(g.tree.services, view.Service) {
			g.tree.services = append(g.tree.services, view.Service)
		}
	}
	return g
}

// grow places the roots first, then the spans whose parent is missing, then what only hangs on itself.
func (g *grower) grow() {
	for i, view := range g.views {
		if !view.Parent.IsValid() {
			g.place(i, "", "", 0, nil)
		}
	}
	for i, view := range g.views {
		if _, present := g.first[view.Parent]; !present {
			g.place(i, "", "", 0, nil)
		}
	}
	for i := range g.views {
		g.place(i, "", "", 0, nil)
	}
}

// place puts a span and all below it into the tree. The span's line begins with branch, the lines below with stem.
func (g *grower) place(i int, branch, stem string, depth int, parent *spanview.View) {
	if g.placed[i] {
		return
	}
	g.placed[i] = true
	view := &g.views[i]
	at := len(g.tree.nodes)
	g.tree.nodes = append(g.tree.nodes, node{
		View: *view, branch: branch,
		inherited: parent != nil && parent.Service == view.Service,
		orphan:    parent == nil && view.Parent.IsValid(),
	})
	var children []int
	if g.first[view.ID] == i {
		children = slices.DeleteFunc(g.children[view.ID], func(c int) bool { return g.placed[c] })
	}
	g.tree.nodes[at].leaf = len(children) == 0
	for n, child := range children {
		fork, below := "├─ ", "│  "
		if n == len(children)-1 {
			fork, below = "└─ ", "   "
		}
		if depth >= maxDepth {
			g.place(child, branch, stem, depth, view)
			continue
		}
		g.place(child, stem+fork, stem+below, depth+1, view)
	}
}
