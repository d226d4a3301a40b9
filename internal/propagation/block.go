package propagation

import "strings"

// A Block is the header lines that say a context, with places for what differs from one
// context to the next. Lists (tracestate, baggage) are not in it.
type Block struct {
	Text    []byte
	Patches []Patch
}

// A PatchKind says how a part of the context is written.
type PatchKind uint8

// The kinds, numbered as enum patch_kind in bpf/abi.h.
const (
	Hex     PatchKind = iota + 1 // in hexadecimal digits
	Flag                         // 1 if sampled, else 0
	Decimal                      // eight bytes as a number, in 20 columns
	High                         // the trace id's upper half behind a name of ten bytes; blank if zero
)

// A Patch is one place of a block.
type Patch struct {
	At    int // in the text
	Kind  PatchKind
	From  int // in struct trace_context (bpf/abi.h)
	Bytes int // of it
}

// Where struct trace_context has its members.
const (
	spanAt  = 16
	flagsAt = 32
)

// decimalColumns is how wide the largest number of 64 bits is.
const decimalColumns = 20

// Block returns the lines of all formats, in their order.
func (f Formats) Block() Block {
	var b Block
	for _, format := range f {
		switch format {
		case TraceContext:
			linesOfTraceContext(&b)
		case B3:
			linesOfB3(&b)
		case B3Multi:
			linesOfB3Multi(&b)
		case Jaeger:
			linesOfJaeger(&b)
		case XRay:
			linesOfXRay(&b)
		case Datadog:
			linesOfDatadog(&b)
		}
	}
	return b
}

func (b *Block) text(s string) { b.Text = append(b.Text, s...) }
func (b *Block) field(f Field) { b.text(f.Name() + ": ") }
func (b *Block) end()          { b.text("\r\n") }

// place leaves columns of blanks for a patch.
func (b *Block) place(kind PatchKind, from, bytes, columns int) {
	b.Patches = append(b.Patches, Patch{At: len(b.Text), Kind: kind, From: from, Bytes: bytes})
	b.text(strings.Repeat(" ", columns))
}

func (b *Block) trace(from, bytes int) { b.place(Hex, from, bytes, 2*bytes) }
func (b *Block) span()                 { b.place(Hex, spanAt, 8, 16) }
func (b *Block) flags()                { b.place(Hex, flagsAt, 1, 2) }
func (b *Block) sampled()              { b.place(Flag, flagsAt, 1, 1) }
func (b *Block) decimal(from int)      { b.place(Decimal, from, 8, decimalColumns) }

// high is the upper half of the trace id as name and value.
func (b *Block) high(name string) {
	b.Patches = append(b.Patches, Patch{At: len(b.Text), Kind: High, From: 0, Bytes: 8})
	b.text(name + strings.Repeat(" ", 16))
}
