package waterfall

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

const (
	// defaultWidth is for files and pipes.
	defaultWidth = 100
	// maxWidth is where a wider line no longer reads better.
	maxWidth = 240
)

// Detect finds out what w can show: colours on a terminal only, and not with NO_COLOR or TERM=dumb; the width that
// COLUMNS says, or else the terminal's.
func Detect(w io.Writer, getenv func(string) string) Config {
	file, isFile := w.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	return Config{
		Color: terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
		Width: func() int {
			if columns, err := strconv.Atoi(getenv("COLUMNS")); err == nil && columns > 0 {
				return columns
			}
			if terminal {
				if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
					return columns
				}
			}
			return defaultWidth
		},
	}
}
