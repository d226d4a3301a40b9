package probes

import (
	"fmt"
	"net/textproto"
	"strings"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
)

// formatNumbers are the formats as the kernel programs number them.
var formatNumbers = map[propagation.Format]abi.ContextFormat{
	propagation.TraceContext: abi.FormatTracecontext,
	propagation.Baggage:      abi.FormatBaggage,
	propagation.B3:           abi.FormatB3,
	propagation.B3Multi:      abi.FormatB3multi,
	propagation.Jaeger:       abi.FormatJaeger,
	propagation.XRay:         abi.FormatXray,
	propagation.Datadog:      abi.FormatDatadog,
}

// contextSettings tell the kernel programs which formats to read and write.
func contextSettings(formats propagation.Formats) (settings, error) {
	var order [abi.ContextFormats]uint8
	for i, f := range formats {
		if i >= len(order)-1 {
			return nil, fmt.Errorf("reading %d formats of trace context: there are %d", len(formats), len(order)-1)
		}
		order[i] = uint8(formatNumbers[f])
	}
	block, err := headerBlock(formats.Block())
	if err != nil {
		return nil, err
	}
	http, lengths, err := headerNames(formats.Fields(), textproto.CanonicalMIMEHeaderKey)
	if err != nil {
		return nil, err
	}
	grpc, _, err := headerNames(formats.Fields(), strings.ToLower)
	if err != nil {
		return nil, err
	}
	var own []string // fields of a context of the program's own
	for _, f := range formats.Fields() {
		if f.IsContext() {
			own = append(own, strings.ToLower(f.Name()))
		}
	}
	names, err := contextNames(own)
	if err != nil {
		return nil, err
	}
	scanner := newScanTable(formats.Fields())
	return settings{
		"scan_classes":    scanner.classes,
		"scan_table":      scanner.table,
		"scan_actions":    scanner.actions,
		"context_formats": order,
		"context_lengths": lengths,
		"http_names":      http,
		"grpc_names":      grpc,
		"block_template":  block,

		"context_names":     names,
		"context_names_len": uint32(2 * len(own)),
	}, nil
}

// headerNames are the fields' names as a Go program's map has them, with the bits of
// their lengths, but for tracestate's (bpf/go_header.h).
func headerNames(fields []propagation.Field, form func(string) string) (names [abi.ContextFields]abi.HeaderName, lengths uint64, err error) {
	for _, f := range fields {
		name := form(f.Name())
		words := &names[f].Word
		if len(name) >= 8*len(words) {
			return names, 0, fmt.Errorf("looking for the header field %s: its name is too long", name)
		}
		names[f].Len = uint64(len(name))
		for i := range len(name) {
			words[i/8] |= uint64(name[i]) << (i % 8 * 8)
		}
		if f != propagation.Tracestate {
			lengths |= 1 << len(name)
		}
	}
	return names, lengths, nil
}

func headerBlock(b propagation.Block) (abi.HeaderBlock, error) {
	block := abi.HeaderBlock{Len: uint32(len(b.Text)), Patches: uint32(len(b.Patches))}
	if len(b.Text) > len(block.Text) || len(b.Patches) > len(block.Patch) {
		return block, fmt.Errorf("writing %d bytes of header lines with %d places: there is no room for so many", len(b.Text), len(b.Patches))
	}
	copy(block.Text[:], b.Text)
	for i, p := range b.Patches {
		block.Patch[i] = abi.BlockPatch{At: uint16(p.At), Kind: uint8(p.Kind), From: uint8(p.From), Bytes: uint8(p.Bytes)}
	}
	return block, nil
}
