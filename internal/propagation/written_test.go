package propagation_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/throughline/throughline/internal/propagation"
)

// written puts a context into a block, as bpf/block.h does.
func written(b propagation.Block, r propagation.Remote) string {
	context := append(append(append([]byte{}, r.TraceID[:]...), r.SpanID[:]...), make([]byte, 8)...)
	context = append(context, r.Flags)
	text := append([]byte{}, b.Text...)
	for _, p := range b.Patches {
		part := context[p.From : p.From+p.Bytes]
		switch p.Kind {
		case propagation.Hex:
			copy(text[p.At:], hex.EncodeToString(part))
		case propagation.Flag:
			text[p.At] = '0' + part[0]&propagation.Sampled
		case propagation.Decimal:
			copy(text[p.At:], fmt.Sprintf("%20d", binary.BigEndian.Uint64(part)))
		case propagation.High:
			if binary.BigEndian.Uint64(part) == 0 {
				copy(text[p.At:], strings.Repeat(" ", 26))
			} else {
				copy(text[p.At+10:], hex.EncodeToString(part))
			}
		}
	}
	return string(text)
}
