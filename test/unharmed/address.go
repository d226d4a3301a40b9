package main

import (
	"fmt"
	"net/netip"
)

// A stream's number is in its source address: all of 127.0.0.0/8 is this
// machine, so nothing has to be said beside the streams, and no stream waits for
// a free port.

// streamsMax is how many numbers there are.
const streamsMax = 1 << 22

// sourceOf is the address that a stream comes from, in 127.64.0.0/10.
func sourceOf(stream uint32) [4]byte {
	return [4]byte{127, 64 | byte(stream>>16&0x3f), byte(stream >> 8), byte(stream)}
}

// streamOf is the number of the stream that comes from an address.
func streamOf(a netip.Addr) (uint32, error) {
	b := a.Unmap().As4()
	if b[0] != 127 || b[1]>>6 != 1 {
		return 0, fmt.Errorf("nobody who comes from %s is known", a)
	}
	return uint32(b[1]&0x3f)<<16 | uint32(b[2])<<8 | uint32(b[3]), nil
}
