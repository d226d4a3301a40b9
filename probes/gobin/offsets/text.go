package offsets

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/throughline/throughline/probes/gobin"
)

// header says what follows it in the file.
const header = `# Offsets of struct fields in bytes. Written by generate: do not edit.
# A line "versions": a module and the versions that were read. Other lines: a
# module, a type, a field, then each version since which the offset is another one, and
# the offset, "-" for none.
`

// Write writes readings in the form that Load reads, sorted, a field a line.
func Write(w io.Writer, all Readings) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, header)
	for _, module := range slices.Sorted(maps.Keys(all)) {
		versions := slices.SortedFunc(maps.Keys(all[module]), compare)
		fmt.Fprintf(b, "\nversions %s %s\n", module, strings.Join(versions, " "))
		fields := map[gobin.Field]bool{}
		for _, found := range all[module] {
			for f := range found {
				fields[f] = true
			}
		}
		sorted := slices.SortedFunc(maps.Keys(fields), func(a, b gobin.Field) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
		})
		for _, f := range sorted {
			fmt.Fprintf(b, "%s %s %s", module, f.Type, f.Name)
			last := "-"
			for _, version := range versions {
				text := "-"
				if offset, ok := all[module][version][f]; ok {
					text = strconv.FormatUint(offset, 10)
				}
				if text != last {
					fmt.Fprintf(b, " %s %s", version, text)
				}
				last = text
			}
			fmt.Fprintln(b)
		}
	}
	return b.Flush()
}

func parse(text string) (*Table, error) {
	t := &Table{versions: map[string][]string{}, runs: map[key][]run{}}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "versions" && len(words) > 2:
			t.versions[words[1]] = words[2:]
		default:
			if err := t.add(words); err != nil {
				return nil, fmt.Errorf("reading the table of offsets: %w", err)
			}
		}
	}
	return t, nil
}

// add takes in a line of a field.
func (t *Table) add(words []string) error {
	if len(words) < 5 || len(words)%2 == 0 {
		return fmt.Errorf("%d words in a line of %q", len(words), words[0])
	}
	k := key{words[0], gobin.Field{Type: words[1], Name: words[2]}}
	for pair := range slices.Chunk(words[3:], 2) {
		r := run{since: pair[0], absent: pair[1] == "-"}
		if !r.absent {
			offset, err := strconv.ParseUint(pair[1], 10, 32)
			if err != nil {
				return fmt.Errorf("field %s of %s: %w", words[2], words[1], err)
			}
			r.offset = offset
		}
		t.runs[k] = append(t.runs[k], r)
	}
	return nil
}
