package probes

import (
	"fmt"

	"golang.org/x/net/http2/hpack"
)

// A contextName is struct context_name in bpf/inject_http2.h: the last bytes read,
// the youngest lowest, when a name has begun.
type contextName struct{ Text, Mask uint64 }

// maxContextNames is CONTEXT_NAMES there.
const maxContextNames = 32

// contextNames are the beginnings of fields' names as HPACK writes them, a string
// literal (RFC 7541, 5.2) as it is and one in Huffman's code.
func contextNames(fields []string) (names [maxContextNames]contextName, err error) {
	if 2*len(fields) > len(names) {
		return names, fmt.Errorf("looking for %d fields of trace context: there is room for %d", len(fields), len(names)/2)
	}
	for i, field := range fields {
		coded := hpack.AppendHuffmanString(nil, field)
		names[2*i] = beginning(append([]byte{byte(len(field))}, field...))
		names[2*i+1] = beginning(append([]byte{0x80 | byte(len(coded))}, coded...))
	}
	return names, nil
}

func beginning(text []byte) (n contextName) {
	for _, b := range text[:min(len(text), 8)] {
		n.Text, n.Mask = n.Text<<8|uint64(b), n.Mask<<8|0xff
	}
	return n
}
