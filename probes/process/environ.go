package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// maxEnviron bounds what is read of an environment, maxVariable what is kept of
// one variable, in bytes. The kernel caps a single string at 128 KiB
// (MAX_ARG_STRLEN in include/uapi/linux/binfmts.h).
const (
	maxEnviron  = 8 << 20
	maxVariable = 128 << 10
)

// readOTELEnv reads NUL-separated variables and keeps those named OTEL_*. The
// others pass through a small buffer and are never held.
func readOTELEnv(r io.Reader) (map[string]string, error) {
	in := bufio.NewReaderSize(io.LimitReader(r, maxEnviron), 4096)
	env := map[string]string{}
	for {
		prefix, err := in.Peek(len("OTEL_"))
		if string(prefix) != "OTEL_" {
			if skipErr := skipString(in); skipErr != nil {
				return env, ignoreEOF(skipErr)
			}
			continue
		}
		if err != nil {
			return env, ignoreEOF(err)
		}
		variable, err := readString(in)
		// As getenv(3): the first of two variables with one name counts.
		if name, value, ok := strings.Cut(variable, "="); ok {
			if _, twice := env[name]; !twice {
				env[name] = value
			}
		}
		if err != nil {
			return env, ignoreEOF(err)
		}
	}
}

func skipString(in *bufio.Reader) error {
	for {
		_, err := in.ReadSlice(0)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func readString(in *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, err := in.ReadSlice(0)
		if b.Len()+len(part) <= maxVariable {
			b.Write(part)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimSuffix(b.String(), "\x00"), err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Attribute is one resource attribute given in an environment variable.
type Attribute struct{ Key, Value string }

// ParseResourceAttributes parses OTEL_RESOURCE_ATTRIBUTES: key=value pairs
// parted by commas, with both sides percent-encoded. By the OpenTelemetry
// specification (resource/sdk.md, "Specifying resource information via an
// environment variable") the whole value is discarded when any of it is broken.
func ParseResourceAttributes(s string) ([]Attribute, error) {
	var out []Attribute
	for pair := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("parsing OTEL_RESOURCE_ATTRIBUTES: no = in %q", pair)
		}
		key, keyErr := url.PathUnescape(strings.TrimSpace(key))
		value, valueErr := url.PathUnescape(strings.TrimSpace(value))
		if err := errors.Join(keyErr, valueErr); err != nil {
			return nil, fmt.Errorf("parsing OTEL_RESOURCE_ATTRIBUTES: %w", err)
		}
		if key == "" {
			return nil, errors.New("parsing OTEL_RESOURCE_ATTRIBUTES: empty key")
		}
		out = append(out, Attribute{key, value})
	}
	return out, nil
}
