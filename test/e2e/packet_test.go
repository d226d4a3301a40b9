package e2e

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// A packet is one of TCP, as it was on the wire.
type packet struct {
	from, to netip.AddrPort
	seq, ack uint32
	flags    byte
	data     int // bytes behind the header
	options  []tcpOption
	forth    bool // from the network's first host to its second
	lost     bool
}

// A tcpOption is kind and what stands behind the length.
type tcpOption struct {
	kind byte
	data []byte
}

// Of RFC 9293, 3.1.
const (
	flagSYN = 0x02
	flagACK = 0x10
)

// parsePacket reads an Ethernet frame; false: it holds none of TCP's.
func parsePacket(frame []byte) (p packet, ok bool) {
	if len(frame) < ethernetHeader {
		return p, false
	}
	body := frame[ethernetHeader:]
	var from, to netip.Addr
	switch kind := binary.BigEndian.Uint16(frame[12:]); {
	case kind == 0x0800 && len(body) >= 20 && body[9] == 6: // RFC 791, 3.1
		header, total := int(body[0]&15)*4, int(binary.BigEndian.Uint16(body[2:]))
		from, _ = netip.AddrFromSlice(body[12:16])
		to, _ = netip.AddrFromSlice(body[16:20])
		if header > total || total > len(body) {
			return p, false
		}
		body = body[header:total] // short frames are padded
	case kind == 0x86dd && len(body) >= 40 && body[6] == 6: // RFC 8200, 3
		total := 40 + int(binary.BigEndian.Uint16(body[4:]))
		from, _ = netip.AddrFromSlice(body[8:24])
		to, _ = netip.AddrFromSlice(body[24:40])
		if total > len(body) {
			return p, false
		}
		body = body[40:total]
	default:
		return p, false
	}
	if len(body) < 20 {
		return p, false
	}
	header := int(body[12]>>4) * 4
	if header < 20 || header > len(body) {
		return p, false
	}
	return packet{
		from: netip.AddrPortFrom(from, binary.BigEndian.Uint16(body)),
		to:   netip.AddrPortFrom(to, binary.BigEndian.Uint16(body[2:])),
		seq:  binary.BigEndian.Uint32(body[4:]), ack: binary.BigEndian.Uint32(body[8:]),
		flags: body[13], data: len(body) - header, options: parseOptions(body[20:header]),
	}, true
}

func parseOptions(text []byte) (found []tcpOption) {
	for len(text) > 0 {
		switch kind := text[0]; {
		case kind == 0: // RFC 9293, 3.2: end of the list
			return found
		case kind == 1: // no operation
			text = text[1:]
		case len(text) < 2 || text[1] < 2 || int(text[1]) > len(text):
			return append(found, tcpOption{kind: kind}) // broken, and nothing of ours
		default:
			found = append(found, tcpOption{kind: kind, data: bytes.Clone(text[2:text[1]])})
			text = text[text[1]:]
		}
	}
	return found
}

// The agent's option, as docs/reference.md describes it.
const (
	optionKind         = 254
	optionID           = 0x5450
	announcementLength = 2      // behind kind and length
	contextLength      = 2 + 24 // the same
)

// announces tells whether a packet says that its sender has an agent.
func (p packet) announces() bool {
	for _, o := range p.options {
		if o.kind == optionKind && len(o.data) == announcementLength && binary.BigEndian.Uint16(o.data) == optionID {
			return true
		}
	}
	return false
}

// context gives the trace and the span that a packet carries.
func (p packet) context() (trace, span []byte, ok bool) {
	for _, o := range p.options {
		if o.kind == optionKind && len(o.data) == contextLength && binary.BigEndian.Uint16(o.data)&^3 == optionID {
			return o.data[2:18], o.data[18:], true
		}
	}
	return nil, nil, false
}

// experimental counts the options of the agent's kind, whatever they say.
func (p packet) experimental() int {
	n := 0
	for _, o := range p.options {
		if o.kind == optionKind {
			n++
		}
	}
	return n
}

// rewriteOptions lets change see each of the agent's options in a frame of IPv4, from its
// kind on and to its end, and corrects the checksum.
func rewriteOptions(frame []byte, change func(option []byte)) {
	ip := frame[ethernetHeader:]
	segment := ip[int(ip[0]&15)*4 : binary.BigEndian.Uint16(ip[2:])]
	for at, end := 20, int(segment[12]>>4)*4; at < end && segment[at] != 0; {
		if segment[at] == 1 {
			at++
			continue
		}
		option := segment[at : at+int(segment[at+1])]
		at += len(option)
		if option[0] == optionKind {
			change(option)
		}
	}
	binary.BigEndian.PutUint16(segment[16:], 0)
	binary.BigEndian.PutUint16(segment[16:], checksum(ip[12:20], segment))
}

// checksum is TCP's over IPv4: RFC 9293, 3.1.
func checksum(addresses, segment []byte) uint16 {
	sum := uint32(6 + len(segment))
	for _, part := range [][]byte{addresses, segment} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	if len(segment)%2 != 0 {
		sum += uint32(segment[len(segment)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
