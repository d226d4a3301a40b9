package probes

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestContextNames: the beginnings are found in what an encoder writes when it meets a
// name for the first time, and in no block without it.
func TestContextNames(t *testing.T) {
	const field = "traceparent"
	names, err := contextNames([]string{field})
	if err != nil {
		t.Fatal(err)
	}
	holds := func(block []byte) bool {
		var word uint64
		for _, b := range block {
			word = word<<8 | uint64(b)
			for _, n := range names[:2] {
				if (word^n.Text)&n.Mask == 0 {
					return true
				}
			}
		}
		return false
	}
	value := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, sensitive := range []bool{false, true} {
		var block bytes.Buffer
		e := hpack.NewEncoder(&block)
		e.WriteField(hpack.HeaderField{Name: ":path", Value: "/trace/parent"})
		e.WriteField(hpack.HeaderField{Name: "x-trace", Value: value})
		if holds(block.Bytes()) {
			t.Errorf("found in %q", block.Bytes())
		}
		e.WriteField(hpack.HeaderField{Name: field, Value: value, Sensitive: sensitive})
		if !holds(block.Bytes()) {
			t.Errorf("not found in %q", block.Bytes())
		}
	}
	if literal := append([]byte{0x10, byte(len(field))}, field...); !holds(literal) {
		t.Error("not found where it is not in Huffman's code")
	}
}
