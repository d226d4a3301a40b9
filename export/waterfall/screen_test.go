package waterfall

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDetectTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer terminal.Close()
	f := func(env map[string]string, width int, color bool) {
		t.Helper()
		config := Detect(terminal, func(name string) string { return env[name] })
		if config.Color != color || config.Width() != width {
			t.Errorf("%v: %t, %d columns; want %t, %d", env, config.Color, config.Width(), color, width)
		}
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 77}); err != nil {
		t.Fatal(err)
	}
	f(nil, 77, true)
	f(map[string]string{"COLUMNS": "60"}, 60, true)
	f(map[string]string{"NO_COLOR": "1"}, 77, false)
	f(map[string]string{"TERM": "dumb"}, 77, false)
}
