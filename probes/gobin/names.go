package gobin

import (
	"bytes"
	"strings"
)

// maxStrings bounds a table of strings that is searched, in bytes.
const maxStrings = 512 << 20

// SymbolName returns the name that the linker gives to a function or method: the
// package path, escaped, a dot, and a name such as "Get" or "(*Server).Serve".
// Names with nothing to escape may be written out.
//
// See PathToPrefix in src/cmd/internal/objabi/path.go: of the path's last element
// the dots are escaped, and anywhere control characters, '%', '"' and what is not ASCII.
func SymbolName(path, name string) string {
	const hex = "0123456789abcdef"
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || c == '.' && i > slash || c == '%' || c == '"' || c >= 0x7f {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String() + "." + name
}

// A nameSet finds names at the ends of strings.
type nameSet struct {
	names  []string
	byEnd  map[[2]byte][]int // positions in names by their last two bytes
	ends   [1 << 16 / 8]byte // a bit for each of its keys
	length int               // of the longest
}

func newNameSet(names []string) *nameSet {
	s := &nameSet{names: names, byEnd: map[[2]byte][]int{}}
	for i, name := range names {
		if len(name) < 2 {
			continue
		}
		end := [2]byte([]byte(name[len(name)-2:]))
		s.byEnd[end] = append(s.byEnd[end], i)
		key := uint16(end[0])<<8 | uint16(end[1])
		s.ends[key/8] |= 1 << (key % 8)
		s.length = max(s.length, len(name))
	}
	return s
}

// find reads a table of zero-terminated strings and returns where the names are
// in it, with their position in the set. A name may share the end of a longer
// string, as C linkers do it.
func (s *nameSet) find(w *window) (map[uint32]int, error) {
	found := map[uint32]int{}
	keep := s.length
	if keep > windowSize/2 {
		return found, nil
	}
	size := min(w.size, maxStrings)
	for start := uint64(0); start < size; {
		b, err := w.at(start, int(min(windowSize, size-start)))
		if err != nil {
			return nil, err
		}
		for at := 0; ; {
			i := bytes.IndexByte(b[at:], 0)
			if i < 0 {
				break
			}
			s.match(b[:at+i], start, found)
			at += i + 1
		}
		if start+uint64(len(b)) >= size {
			break
		}
		// A string may go on: its end is met again, with all that a name needs.
		start += uint64(len(b) - keep)
	}
	return found, nil
}

// match notes the names that end a string. Bytes of the one before it may stand
// in front.
func (s *nameSet) match(b []byte, start uint64, found map[uint32]int) {
	if len(b) < 2 {
		return
	}
	end := [2]byte(b[len(b)-2:])
	key := uint16(end[0])<<8 | uint16(end[1])
	if s.ends[key/8]&(1<<(key%8)) == 0 {
		return
	}
	for _, i := range s.byEnd[end] {
		if name := s.names[i]; len(name) <= len(b) && string(b[len(b)-len(name):]) == name {
			found[uint32(start+uint64(len(b)-len(name)))] = i
		}
	}
}
