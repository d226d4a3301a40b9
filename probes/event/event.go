// Package event decodes the records that the kernel programs put into the ring.
// bpf/abi.h describes every byte; this package checks every length before
// anything else looks at a record.
package event

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/throughline/throughline/bpf/abi"
)

// ErrUnknownKind is returned for a record of a kind that this agent does not
// know. The reader counts it and goes on.
var ErrUnknownKind = errors.New("unknown kind of record")

// ErrMalformed is wrapped by every error about a length that does not fit.
var ErrMalformed = errors.New("malformed record")

// Event is one decoded record. Header is always valid; of the others the one
// that Header.Kind names is, and the rest hold what an earlier record left
// there. The zero value is ready for use, and one Event is meant to be decoded
// into again and again.
type Event struct {
	Header  abi.EventHeader
	Data    abi.DataEvent    // EventData
	Open    abi.OpenEvent    // EventOpen
	Close   abi.CloseEvent   // EventClose
	Process abi.ProcessEvent // EventFork, EventExec, EventExit
	Listen  abi.ListenEvent  // EventListen
	Leave   abi.LeaveEvent   // EventLeave
	Call    abi.CallEvent    // EventCall; its texts are read with CallText

	// Payload is the captured bytes of a data event and nil otherwise. It
	// is a view into the record: valid only as long as the record is.
	Payload []byte
}

// Kind returns what the record is about.
func (ev *Event) Kind() abi.EventKind { return abi.EventKind(ev.Header.Kind) }

// Tail returns the last bytes of a data event's call where the call was not
// captured whole. The result is a view into ev.
func (ev *Event) Tail() []byte { return ev.Data.Tail[:ev.Data.TailLen] }

// OtherTail returns the last bytes of the direction opposite to a data event's,
// where its last call was not captured whole. The result is a view into ev.
func (ev *Event) OtherTail() []byte { return ev.Data.OtherTail[:ev.Data.OtherTailLen] }

// UnixPath returns an open event's path of the listening Unix socket, a view
// into ev. An abstract name begins with a NUL.
func (ev *Event) UnixPath() []byte { return ev.Open.Path[:ev.Open.PathLen] }

// Decode fills ev from a record of the ring, in the byte order of the host. It
// allocates nothing and copies everything but the payload. After an error only
// ev.Header may be looked at, and only if the record was long enough for one;
// errors.Is tells ErrUnknownKind from ErrMalformed.
func Decode(record []byte, ev *Event) error {
	ev.Payload = nil
	if !load(&ev.Header, record) {
		ev.Header = abi.EventHeader{}
		return errShortHeader
	}
	if uint64(ev.Header.Len) != uint64(len(record)) {
		return errLength
	}
	switch abi.EventKind(ev.Header.Kind) {
	case abi.EventData:
		return decodeData(record, ev)
	case abi.EventOpen:
		return decodeOpen(record, ev)
	case abi.EventClose:
		return decodeClose(record, ev)
	case abi.EventFork, abi.EventExec, abi.EventExit:
		if !load(&ev.Process, record) {
			return errShort
		}
		return nil
	case abi.EventListen:
		if !load(&ev.Listen, record) {
			return errShort
		}
		return nil
	case abi.EventLeave:
		if !load(&ev.Leave, record) {
			return errShort
		}
		return nil
	case abi.EventCall:
		return decodeCall(record, ev)
	case abi.EventClaim: // the header says it all
		return nil
	}
	return ErrUnknownKind
}

// Made once, so that a flood of bad records allocates nothing.
var (
	errShortHeader = fmt.Errorf("%w: shorter than a header", ErrMalformed)
	errShort       = fmt.Errorf("%w: shorter than its kind", ErrMalformed)
	errLength      = fmt.Errorf("%w: length in the header differs from the record's", ErrMalformed)
	errCaptured    = fmt.Errorf("%w: more bytes captured than moved or present", ErrMalformed)
	errTail        = fmt.Errorf("%w: tail longer than its room", ErrMalformed)
	errPath        = fmt.Errorf("%w: path longer than its room", ErrMalformed)
	errText        = fmt.Errorf("%w: a text beyond the record's", ErrMalformed)
	errRole        = fmt.Errorf("%w: no such role", ErrMalformed)
	errDirection   = fmt.Errorf("%w: no such direction", ErrMalformed)
)

func decodeData(record []byte, ev *Event) error {
	d := &ev.Data
	if !load(d, record) {
		return errShort
	}
	payload := record[unsafe.Sizeof(*d):]
	switch {
	case d.Direction > uint8(abi.DirectionSent):
		return errDirection
	case d.Captured > d.Length || uint64(d.Captured) > uint64(len(payload)):
		return errCaptured
	case int(d.TailLen) > len(d.Tail) || int(d.OtherTailLen) > len(d.OtherTail):
		return errTail
	}
	ev.Payload = payload[:d.Captured]
	return nil
}

func decodeOpen(record []byte, ev *Event) error {
	if !load(&ev.Open, record) {
		return errShort
	}
	if int64(ev.Open.PathLen) > int64(len(ev.Open.Path)) {
		return errPath
	}
	return nil
}

func decodeClose(record []byte, ev *Event) error {
	c := &ev.Close
	if !load(c, record) {
		return errShort
	}
	if int(c.ReceivedTailLen) > len(c.ReceivedTail) || int(c.SentTailLen) > len(c.SentTail) {
		return errTail
	}
	return nil
}

// shared are the types of bpf/abi.h that begin a record. Each is made of
// integers only, so that every pattern of bytes is a value of it.
type shared interface {
	abi.EventHeader | abi.DataEvent | abi.OpenEvent | abi.CloseEvent | abi.ProcessEvent | abi.ListenEvent | abi.LeaveEvent
}

// load copies the beginning of record over *to and reports whether the record
// was long enough. A copy, not a cast, for a record need not be aligned.
func load[T shared](to *T, record []byte) bool {
	if uintptr(len(record)) < unsafe.Sizeof(*to) {
		return false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(to)), unsafe.Sizeof(*to)), record)
	return true
}
