package waterfall

import (
	"bytes"
	"strings"

	"github.com/throughline/throughline/export/text"
)

// style is the parameters of a terminal's colour escape, "" for plain text.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	redder style = "1;31"
)

// palette colours services, in the terminal's own theme. Red is kept for errors.
var palette = [...]style{"36", "35", "33", "34", "32", "96", "95", "93", "94", "92"}

// piece is clean text in one style.
type piece struct {
	text  string
	style style
}

// ellipsis stands for what was cut off.
const ellipsis = "…"

// line is pieces side by side.
type line []piece

func (l line) width() int {
	total := 0
	for _, p := range l {
		total += text.Width(p.text)
	}
	return total
}

// cut returns what fits into that many columns, with an ellipsis at the end if that is not all.
func (l line) cut(columns int) line {
	if l.width() <= columns {
		return l
	}
	if columns <= 0 {
		return nil
	}
	var short line
	left := columns - 1
	for _, p := range l {
		p.text = text.Head(p.text, left)
		left -= text.Width(p.text)
		short = append(short, p)
		if left == 0 {
			break
		}
	}
	return append(short, piece{ellipsis, dim})
}

// fill returns the line with spaces up to that many columns.
func (l line) fill(columns int) line {
	if missing := columns - l.width(); missing > 0 {
		return append(l, piece{strings.Repeat(" ", missing), plain})
	}
	return l
}

// write prints the line without the spaces at its end.
func (l line) write(out *bytes.Buffer, color bool) {
	for _, p := range l {
		paint(out, p.text, p.style, color)
	}
	out.Truncate(len(bytes.TrimRight(out.Bytes(), " ")))
	out.WriteByte('\n')
}

func paint(out *bytes.Buffer, s string, style style, color bool) {
	if !color || style == plain || s == "" {
		out.WriteString(s)
		return
	}
	out.WriteString("\x1b[")
	out.WriteString(string(style))
	out.WriteByte('m')
	out.WriteString(s)
	out.WriteString("\x1b[0m")
}
