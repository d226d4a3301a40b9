package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A record is a head of 28 bytes and a body, all numbers little-endian:
//
//	 0  4  magic
//	 4  4  length of the body
//	 8  4  spans in the body
//	12  4  spans in the records before it in this file
//	16  4  CRC-32C of the body
//	20  4  CRC-32C of bytes 0 to 19
//	24  1  0: to be delivered; 1: delivered
//	25  3  zero
//
// The body is an OTLP TracesData in Protobuf. The count of spans before it tells how many were lost where records cannot
// be read.
const (
	headSize   = 28
	magic      = 0x31705354 // "TSp1"
	deliveryAt = 24
	delivered  = 1
)

// castagnoli is the table of CRC-32C; it is never changed.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type head struct {
	length, spans, before, body uint32
	delivered                   bool
}

func (h *head) append(b []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = binary.LittleEndian.AppendUint32(b, h.length)
	b = binary.LittleEndian.AppendUint32(b, h.spans)
	b = binary.LittleEndian.AppendUint32(b, h.before)
	b = binary.LittleEndian.AppendUint32(b, h.body)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, 0, 0, 0, 0)
}

// parseHead reads a head; ok is false if b begins with none.
func parseHead(b []byte) (h head, ok bool) {
	if len(b) < headSize || binary.LittleEndian.Uint32(b) != magic ||
		binary.LittleEndian.Uint32(b[20:]) != crc32.Checksum(b[:20], castagnoli) {
		return h, false
	}
	h.length = binary.LittleEndian.Uint32(b[4:])
	h.spans = binary.LittleEndian.Uint32(b[8:])
	h.before = binary.LittleEndian.Uint32(b[12:])
	h.body = binary.LittleEndian.Uint32(b[16:])
	h.delivered = b[deliveryAt] == delivered
	return h, true
}
