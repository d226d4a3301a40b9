package event

import (
	"unsafe"

	"github.com/throughline/throughline/bpf/abi"
)

// CallText returns one of a call event's texts as the library had it, empty if
// it had none. The result is a view into ev. No more than its place and length is
// checked: the bytes are the target's.
func (ev *Event) CallText(which abi.CallText) []byte {
	at, n := ev.Call.TextAt[which], ev.Call.TextLen[which]
	return ev.Call.Text[at : at+n]
}

// decodeCall takes a record that is cut behind the last of its texts.
func decodeCall(record []byte, ev *Event) error {
	c := &ev.Call
	const fixed = unsafe.Offsetof(c.Text)
	if uintptr(len(record)) < fixed {
		return errShort
	}
	if uintptr(len(record)) > unsafe.Sizeof(*c) {
		return errText
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c)), record)
	if uint64(c.TextUsed) != uint64(uintptr(len(record))-fixed) {
		return errText
	}
	sum := uint32(0)
	for i, n := range c.TextLen {
		if uint32(c.TextAt[i])+uint32(n) > c.TextUsed {
			return errText
		}
		sum += uint32(n)
	}
	switch {
	case sum != c.TextUsed:
		return errText
	case abi.Role(c.Role) != abi.RoleServer && abi.Role(c.Role) != abi.RoleClient:
		return errRole
	}
	return nil
}
