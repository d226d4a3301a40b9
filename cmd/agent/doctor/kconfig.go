package doctor

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"strings"
)

// kernelConfig holds the options the kernel was built with; nil is unknown.
type kernelConfig map[string]bool

// maxConfig bounds the file, in bytes uncompressed; real ones have 300 KB.
const maxConfig = 4 << 20

func readKernelConfig(release string) kernelConfig {
	if f, err := os.Open("/proc/config.gz"); err == nil {
		defer f.Close()
		if z, err := gzip.NewReader(f); err == nil {
			return parseKernelConfig(z)
		}
	}
	f, err := os.Open("/boot/config-" + release)
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseKernelConfig(f)
}

func parseKernelConfig(r io.Reader) kernelConfig {
	c := kernelConfig{}
	lines := bufio.NewScanner(io.LimitReader(r, maxConfig))
	for lines.Scan() {
		if option, value, ok := strings.Cut(lines.Text(), "="); ok && (value == "y" || value == "m") {
			c[option] = true
		}
	}
	if len(c) == 0 {
		return nil
	}
	return c
}

// lacks returns the first of the options that the kernel was built without, "" when
// none or when that is not known.
func (c kernelConfig) lacks(options []string) string {
	if c == nil {
		return ""
	}
	for _, option := range options {
		if !c[option] {
			return option
		}
	}
	return ""
}
