package waterfall

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/throughline/throughline/export/text"
)

const (
	// gap is between columns.
	gap = 2
	// durationWidth fits every duration as format writes it.
	durationWidth = 7
	// minBar and maxBar bound the columns of the time line; barShare is the percentage of the page kept for it.
	minBar, maxBar, barShare = 12, 72, 28
	// barPage and tablePage are the narrowest pages with bars, and with status and duration.
	barPage, tablePage = 64, 28
	// maxStatus bounds the column of the status.
	maxStatus = 6
)

// page prints one trace.
type page struct {
	out   *bytes.Buffer
	color bool
	width int
	// columns of the parts of a span's line; 0: left out
	label, status, bar int
}

func (p *page) print(t *tree) {
	p.header(t)
	lines := make([]line, len(t.nodes))
	tags := make([]line, len(t.nodes))
	natural := 0
	for i := range t.nodes {
		lines[i], tags[i] = p.name(t, &t.nodes[i]), tag(&t.nodes[i])
		natural = max(natural, lines[i].width()+tags[i].width())
	}
	p.measure(t, natural)
	for i := range t.nodes {
		p.span(t, &t.nodes[i], lines[i], tags[i])
	}
	p.out.WriteByte('\n')
}

// measure shares the page's width among the columns.
func (p *page) measure(t *tree, natural int) {
	if p.width < tablePage {
		p.label = p.width
		return
	}
	p.status = 3
	for i := range t.nodes {
		p.status = min(max(p.status, text.Width(status(&t.nodes[i]))), maxStatus)
	}
	rest := p.width - gap - p.status - gap - durationWidth
	if p.width < barPage {
		p.label = rest
		return
	}
	p.label = min(natural, rest-gap-max(minBar, p.width*barShare/100))
	p.bar = min(rest-gap-p.label, maxBar)
}

// header is the line above the spans. On a narrow page the less important figures give way.
func (p *page) header(t *tree) {
	id := line{{"trace ", dim}, {t.id.String(), bold}, {"  " + format(t.duration()), bold}}
	spans := piece{"  " + count(len(t.nodes), "span"), plain}
	services := piece{"  " + count(len(t.services), "service"), plain}
	errors := piece{}
	if t.errors > 0 {
		errors = piece{"  " + count(t.errors, "error"), redder}
	}
	header := slices.Concat(id, line{spans, services, errors})
	for _, shorter := range []line{{spans, errors}, {errors}} {
		if header.width() > p.width {
			header = slices.Concat(id, shorter)
		}
	}
	at := piece{t.start.Local().Format("15:04:05.000"), dim}
	if room := p.width - text.Width(at.text); header.width()+gap <= room {
		header = append(header.fill(room), at)
	}
	header.cut(p.width).write(p.out, p.color)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// name is the tree, the service and the request.
func (p *page) name(t *tree, n *node) line {
	service := serviceStyle(t, n)
	if n.inherited {
		service = dim
	}
	label := plain
	if n.Failed {
		label = red
	}
	l := line{
		{n.branch, dim},
		{mark(n.Kind) + " ", serviceStyle(t, n)},
		{cmp.Or(text.Clean(n.Service), "?") + " ", service},
		{text.Clean(n.Label()), label},
	}
	if n.leaf && n.Peer != "" && (n.Kind == trace.SpanKindClient || n.Kind == trace.SpanKindProducer) {
		l = append(l, piece{" to " + text.Clean(n.Peer), dim}) // nobody traced answers: say who was asked
	}
	return l
}

// tag is what must be seen of a span even if its name is long.
func tag(n *node) line {
	var l line
	if n.Failed && n.ErrorType != "" && n.ErrorType != n.Status {
		l = append(l, piece{"  " + text.Clean(n.ErrorType), redder})
	}
	if n.orphan {
		l = append(l, piece{"  ‹parent not seen›", dim})
	}
	return l
}

// span is one span's line.
func (p *page) span(t *tree, n *node, name, tag line) {
	tag = tag.cut(p.label * 3 / 5)
	l := append(name.cut(p.label-tag.width()), tag...).fill(p.label)
	if p.status > 0 {
		code, style := status(n), plain
		if n.Failed {
			style = redder
		}
		l = append(l, right(code, gap+p.status, style), right(format(n.Duration()), gap+durationWidth, plain))
	}
	if p.bar > 0 {
		style := serviceStyle(t, n)
		if n.Failed {
			style = red
		}
		l = append(l, piece{strings.Repeat(" ", gap), plain}, piece{bar(t, n, p.bar), style})
	}
	l.cut(p.width).write(p.out, p.color)
}

// right is s at the right end of a column, cut if it is too long.
func right(s string, columns int, style style) piece {
	s = text.Head(s, columns-gap)
	return piece{strings.Repeat(" ", columns-text.Width(s)) + s, style}
}

// status is the code of the response, or a cross where an error came in its stead.
func status(n *node) string {
	if n.Status == "" && n.Failed {
		return "✗"
	}
	return text.Clean(n.Status)
}

func serviceStyle(t *tree, n *node) style {
	return palette[slices.Index(t.services, n.Service)%len(palette)]
}

// mark shows what a span is: a dot handles a request, an arrow makes one. All of them are one column wide, and none is
// one that terminals draw as an emoji.
func mark(kind trace.SpanKind) string {
	switch kind {
	case trace.SpanKindServer:
		return "●"
	case trace.SpanKindClient:
		return "→"
	case trace.SpanKindProducer:
		return "⇢"
	case trace.SpanKindConsumer:
		return "◆"
	default:
		return "·"
	}
}

// bar draws a span on the trace's time line, to half a column.
func bar(t *tree, n *node, columns int) string {
	halves, total := 2*columns, t.duration()
	from, to := 0, halves
	if total > 0 {
		at := func(when time.Time) int { return int(float64(when.Sub(t.start)) / float64(total) * float64(halves)) }
		from = min(max(at(n.Start), 0), halves-1)
		to = min(max(at(n.End), from+1), halves)
	}
	var b strings.Builder
	for half := 0; half < to; half += 2 {
		left, right := half >= from, half+1 >= from && half+1 < to
		switch {
		case left && right:
			b.WriteRune('━')
		case left:
			b.WriteRune('╸')
		case right:
			b.WriteRune('╺')
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// format writes a duration with three digits, or in minutes and hours, in at most durationWidth columns.
func format(d time.Duration) string {
	switch {
	case d < 0:
		return "< 0" // the clock was set
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 999500*time.Nanosecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < 999500*time.Microsecond:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < 99950*time.Millisecond:
		return digits(d.Seconds()) + " s"
	case d < 100*time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
}

// digits writes a value below 1000 with three digits.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}
