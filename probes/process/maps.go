package process

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// maxMapLine bounds a line of /proc/PID/maps: a path of PATH_MAX bytes, of which
// each may be escaped as four, and the columns before it.
const maxMapLine = 32 << 10

// parseMaps returns each file with an executable mapping, once, in the order of
// the addresses. Lines that make no sense are passed over.
func parseMaps(r io.Reader) ([]Library, error) {
	var out []Library
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxMapLine)
	for lines.Scan() {
		l, ok := parseMapLine(lines.Text())
		if !ok || seen[l.Path] {
			continue
		}
		seen[l.Path] = true
		out = append(out, l)
	}
	return out, lines.Err()
}

// parseMapLine parses "start-end perms offset dev inode   path".
func parseMapLine(line string) (Library, bool) {
	columns := strings.SplitN(line, " ", 6)
	if len(columns) < 6 || !strings.Contains(columns[1], "x") {
		return Library{}, false
	}
	path := strings.TrimLeft(columns[5], " ")
	if !strings.HasPrefix(path, "/") {
		return Library{}, false
	}
	var l Library
	from, to, _ := strings.Cut(columns[0], "-")
	var errs [3]error
	l.Start, errs[0] = strconv.ParseUint(from, 16, 64)
	l.End, errs[1] = strconv.ParseUint(to, 16, 64)
	l.Inode, errs[2] = strconv.ParseUint(columns[4], 10, 64)
	for _, err := range errs {
		if err != nil {
			return Library{}, false
		}
	}
	l.Device = columns[3]
	// The kernel writes a line break in a path as \012 (seq_path in fs/seq_file.c).
	path = strings.ReplaceAll(path, `\012`, "\n")
	l.Path, l.Deleted = cutDeleted(path)
	return l, true
}
