package probes

import "github.com/throughline/throughline/bpf/abi"

// The automaton that bpf/http.h runs over the heads of HTTP/1 messages. It is
// computed here from the names of what it looks for; the kernel only looks up
// the next state and what the byte is part of.

// Sizes and fixed states, checked against the object when they are set.
const (
	scanStates  = 256
	scanClasses = 64
)

// What a table entry says beside the next state, as enum scan_flag in bpf/abi.h.
type scanAction uint16

type scanTable struct {
	classes [256]uint8
	table   [scanStates * scanClasses]uint16
	states  int
}

// newScanTable computes the automaton: request and status line by RFC 9112
// sections 3 and 4, field names without regard to case.
func newScanTable() *scanTable {
	t := &scanTable{states: int(abi.ScanSkip) + 1}
	t.classify()
	for _, s := range []abi.ScanState{abi.ScanRejected, abi.ScanEnd, abi.ScanIdle} {
		t.all(int(s), int(s), 0)
	}
	lines := t.headerLines()
	t.requestLine(lines)
	t.statusLine(lines)
	return t
}

// Letters that no field name needs share a class; everything else that the
// grammar tells apart has its own.
func (t *scanTable) classify() {
	const other, target, upper, lower = 0, 1, 2, 3
	for b := range 256 {
		switch {
		case b <= ' ' || b == 0x7f:
			t.classes[b] = other
		case b >= 'A' && b <= 'Z':
			t.classes[b] = upper
		case b >= 'a' && b <= 'z':
			t.classes[b] = lower
		default:
			t.classes[b] = target
		}
	}
	next := uint8(lower + 1)
	for _, b := range []byte(" \t\r\n:/.-_0123456789ACDEFGHKLNOPRSTUINacdefghiklnoprstu") {
		if t.classes[b] <= lower {
			t.classes[b] = next
			next++
		}
	}
	if next > scanClasses {
		panic("more byte classes than the table has columns")
	}
}

func (t *scanTable) newState() int {
	s := t.states
	if s >= scanStates {
		panic("more states than the table has rows")
	}
	t.states++
	return s
}

func (t *scanTable) set(from int, class uint8, to int, act scanAction) {
	t.table[from*scanClasses+int(class)] = uint16(to) | uint16(act)<<8
}

// on sets the transition for each of the bytes.
func (t *scanTable) on(from int, bytes string, to int, act scanAction) {
	for _, b := range []byte(bytes) {
		t.set(from, t.classes[b], to, act)
	}
}

// all sets the transition for every byte.
func (t *scanTable) all(from, to int, act scanAction) {
	for class := range scanClasses {
		t.set(from, uint8(class), to, act)
	}
}

// visible sets the transition for every byte that may stand in a request target.
func (t *scanTable) visible(from, to int) {
	for b := range 256 {
		if b > ' ' && b != 0x7f {
			t.set(from, t.classes[b], to, 0)
		}
	}
}

func (t *scanTable) next(from int, b byte) int {
	return int(t.table[from*scanClasses+int(t.classes[b])] & 0xff)
}

// literal makes the states that read text one byte after the other; each byte
// that does not fit leads where the state before led it by default.
func (t *scanTable) literal(from int, text string, act scanAction) int {
	for i, b := range []byte(text) {
		to := t.newState()
		var a scanAction
		if i == len(text)-1 {
			a = act
		}
		t.on(from, string(b), to, a)
		from = to
	}
	return from
}

// headerLines makes the states for everything behind the first line and
// returns the one at the start of a line.
func (t *scanTable) headerLines() int {
	start, skip, cr := t.newState(), int(abi.ScanSkip), t.newState()
	t.all(skip, skip, 0)
	t.on(skip, "\n", start, 0)
	t.all(start, skip, 0)
	t.on(start, "\n", int(abi.ScanEnd), 0)
	t.on(start, "\r", cr, 0)
	t.all(cr, skip, 0)
	t.on(cr, "\n", int(abi.ScanEnd), 0)

	value := t.name(start, skip, "traceparent", scanAction(abi.ScanContext))
	rest, space := t.newState(), t.newState()
	t.all(rest, rest, scanAction(abi.ScanValue))
	t.all(space, skip, 0)
	for _, s := range []int{value, rest} {
		t.all(s, rest, scanAction(abi.ScanValue))
		t.on(s, "\r", skip, 0)
		t.on(s, "\n", start, 0)
	}
	t.on(value, " \t", value, 0)
	t.on(rest, " \t", space, 0)
	// Something behind white space within the value spoils it.
	t.all(space, rest, scanAction(abi.ScanValue))
	t.on(space, " \t", space, 0)
	t.on(space, "\r", skip, 0)
	t.on(space, "\n", start, 0)

	length := t.name(start, skip, "content-length", 0)
	t.all(length, skip, 0)
	t.on(length, " \t", length, 0)
	t.on(length, "0123456789", length, scanAction(abi.ScanLength))
	t.on(length, "\n", start, 0)

	t.coding(t.name(start, skip, "transfer-encoding", 0), start)
	return start
}

// name makes the states that read a field's name, in any case, and its colon,
// which acts.
func (t *scanTable) name(start, skip int, name string, act scanAction) int {
	at := start
	for _, b := range []byte(name) {
		to := t.next(at, b)
		if to == skip || to == at {
			to = t.newState()
			t.all(to, skip, 0)
			t.on(to, "\n", start, 0)
			t.on(at, both(b), to, 0)
		}
		at = to
	}
	value := t.newState()
	t.on(at, ":", value, act)
	return value
}

// coding looks for "chunked" in the list of transfer codings.
func (t *scanTable) coding(value, start int) {
	t.all(value, value, 0)
	t.on(value, "\n", start, 0)
	at := value
	for i, b := range []byte("chunked") {
		to, act := t.newState(), scanAction(0)
		if i == len("chunked")-1 {
			to, act = value, scanAction(abi.ScanChunked)
		} else {
			t.all(to, value, 0)
			t.on(to, "\n", start, 0)
		}
		t.on(at, both(b), to, act)
		at = to
	}
}

func (t *scanTable) requestLine(lines int) {
	request := int(abi.ScanRequest)
	method, target, inTarget := t.newState(), t.newState(), t.newState()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	t.on(request, letters, method, 0)
	t.on(method, letters, method, 0)
	t.on(method, " ", target, 0)
	t.method(request, method, target, "HEAD", abi.ScanHead, letters)
	t.method(request, method, target, "CONNECT", abi.ScanConnect, letters)
	t.visible(target, inTarget)
	t.visible(inTarget, inTarget)

	version := t.newState()
	t.on(inTarget, " ", version, 0)
	digit := t.newState()
	t.on(t.literal(version, "HTTP/1.", 0), "01", digit, 0)
	t.endOfFirstLine(digit, lines)
}

// method reads one method's name beside the general ones.
func (t *scanTable) method(request, general, target int, name string, flag abi.ScanFlag, letters string) {
	at := request
	for _, b := range []byte(name) {
		to := t.newState()
		t.on(to, letters, general, 0)
		t.on(to, " ", target, 0)
		t.on(at, string(b), to, 0)
		at = to
	}
	t.on(at, " ", target, scanAction(flag))
}

func (t *scanTable) statusLine(lines int) {
	at := t.literal(int(abi.ScanResponse), "HTTP/1.", 0)
	digit := t.newState()
	t.on(at, "01", digit, 0)
	at = t.newState()
	t.on(digit, " ", at, 0)
	for range 3 {
		to := t.newState()
		t.on(at, "0123456789", to, scanAction(abi.ScanStatus))
		at = to
	}
	reason := t.newState()
	t.on(at, " ", reason, 0)
	t.all(reason, reason, 0)
	t.on(reason, "\n", lines, scanAction(abi.ScanRecognised))
	t.endOfFirstLine(at, lines)
}

func (t *scanTable) endOfFirstLine(from, lines int) {
	cr := t.newState()
	t.on(from, "\r", cr, 0)
	t.on(from, "\n", lines, scanAction(abi.ScanRecognised))
	t.on(cr, "\n", lines, scanAction(abi.ScanRecognised))
}

// both returns a lower-case letter in both cases, and any other byte alone.
func both(b byte) string {
	if b >= 'a' && b <= 'z' {
		return string([]byte{b, b - 'a' + 'A'})
	}
	return string(b)
}
