package probes

import (
	"strings"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/internal/propagation"
)

// The automaton that bpf/http.h runs over the heads of HTTP/1 messages. It is
// computed here from the names of what it looks for; the kernel only looks up
// the next state and what the byte is part of.

// Sizes and fixed states, checked against the object when they are set.
const (
	scanStates    = 256
	scanClasses   = 64
	scanActions   = 64
	scanStateBits = 10 // of a table entry; above them is the action's number
	scanFlagBits  = 8  // of an action; above them is a field
)

// What a byte does beside leading to the next state: flags as enum scan_flag, and the
// number of the field that begins, as enum context_field, in bpf/abi.h.
type scanAction uint32

func begins(field abi.ContextField) scanAction {
	// The byte, which is part of no value, is gathered to part the values.
	return scanAction(abi.ScanValue|abi.ScanField) | scanAction(field)<<scanFlagBits
}

type scanTable struct {
	classes [256]uint8
	table   [scanStates * scanClasses]uint16
	actions [scanActions]uint32
	states  int
	numbers map[scanAction]uint16 // of the actions
}

// newScanTable computes the automaton: request and status line by RFC 9112
// sections 3 and 4, field names without regard to case. The fields are gathered.
func newScanTable(fields []propagation.Field) *scanTable {
	t := &scanTable{states: int(abi.ScanSkip) + 1, numbers: map[scanAction]uint16{0: 0}}
	t.classify()
	for _, s := range []abi.ScanState{abi.ScanRejected, abi.ScanEnd, abi.ScanIdle} {
		t.all(int(s), int(s), 0)
	}
	lines := t.headerLines(fields)
	t.requestLine(lines)
	t.statusLine(lines)
	return t
}

// Letters that no field name needs share a class; everything else that the
// grammar tells apart has its own.
func (t *scanTable) classify() {
	const other, target, upper, lower, digit = 0, 1, 2, 3, 4
	for b := range 256 {
		switch {
		case b >= '0' && b <= '9':
			t.classes[b] = digit
		case b <= ' ' || b == 0x7f:
			t.classes[b] = other
		case b >= 'A' && b <= 'Z', b == '_': // letters of a method
			t.classes[b] = upper
		case b >= 'a' && b <= 'z':
			t.classes[b] = lower
		default:
			t.classes[b] = target
		}
	}
	next := uint8(digit + 1)
	for _, b := range []byte(" \t\r\n:/.-013ABCDEFGHIJKLMNOPRSTUXYZabcdefghijklmnoprstuxyz") {
		if t.classes[b] <= digit {
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
	t.table[from*scanClasses+int(class)] = uint16(to) | t.number(act)<<scanStateBits
}

// number gives an action its number.
func (t *scanTable) number(act scanAction) uint16 {
	n, ok := t.numbers[act]
	if !ok {
		n = uint16(len(t.numbers))
		if n >= scanActions {
			panic("more actions than the table has room for")
		}
		t.numbers[act], t.actions[n] = n, uint32(act)
	}
	return n
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
	return int(t.table[from*scanClasses+int(t.classes[b])] & (1<<scanStateBits - 1))
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
func (t *scanTable) headerLines(fields []propagation.Field) int {
	start, skip, cr := t.newState(), int(abi.ScanSkip), t.newState()
	t.all(skip, skip, 0)
	t.on(skip, "\n", start, 0)
	t.all(start, skip, 0)
	t.on(start, "\n", int(abi.ScanEnd), 0)
	t.on(start, "\r", cr, 0)
	t.all(cr, skip, 0)
	t.on(cr, "\n", int(abi.ScanEnd), 0)

	value := t.gathered(start, skip)
	for _, f := range fields {
		name := strings.ToLower(f.Name())
		t.on(t.beforeColon(start, skip, name), ":", value, begins(abi.ContextField(f)))
	}

	length := t.name(start, skip, "content-length")
	t.all(length, skip, 0)
	t.on(length, " \t", length, 0)
	t.on(length, "0123456789", length, scanAction(abi.ScanLength))
	t.on(length, "\n", start, 0)

	t.coding(t.name(start, skip, "transfer-encoding"), start)
	return start
}

// gathered makes the states that gather a value, and returns the one behind its name. Of
// white space within it one byte is gathered, so that a reader can tell; a byte that may
// not stand in a value (RFC 9110 section 5.5) spoils it.
func (t *scanTable) gathered(start, skip int) int {
	value, rest, space := t.newState(), t.newState(), t.newState()
	for _, s := range []int{value, rest, space} {
		t.all(s, rest, scanAction(abi.ScanValue))
		t.set(s, t.classes[0], rest, begins(abi.FieldSpoilt))
		t.on(s, " \t", s, 0)
		t.on(s, "\r", skip, 0)
		t.on(s, "\n", start, 0)
	}
	t.on(rest, " \t", space, scanAction(abi.ScanValue))
	return value
}

// name makes the states that read a field's name and its colon, and returns the one
// behind it.
func (t *scanTable) name(start, skip int, name string) int {
	value := t.newState()
	t.on(t.beforeColon(start, skip, name), ":", value, 0)
	return value
}

// beforeColon makes the states that read a field's name, in any case.
func (t *scanTable) beforeColon(start, skip int, name string) int {
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
	return at
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
