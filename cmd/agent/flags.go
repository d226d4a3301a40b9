package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/throughline/throughline/internal/config"
)

// flags is a command line of trace or run. What it sets goes over file and
// environment.
type flags struct {
	set    *flag.FlagSet
	help   func()
	file   string
	config config.Config
	over   []func(*config.Config)
}

func newFlags(name, synopsis string, errs io.Writer) *flags {
	f := &flags{set: flag.NewFlagSet(name, flag.ContinueOnError)}
	f.set.SetOutput(io.Discard)
	f.set.Usage = func() {} // an error is one sentence
	f.help = func() {
		fmt.Fprintf(errs, "usage: throughline %s\n\n", synopsis)
		f.set.SetOutput(errs)
		f.set.PrintDefaults()
	}
	repeated(f, "pid", "trace process `N`, and the processes it forks (repeatable)", strconv.Atoi,
		func(c *config.Config) *[]int { return &c.PIDs })
	repeated(f, "port", "trace what listens on TCP port `N` (repeatable)", strconv.Atoi,
		func(c *config.Config) *[]int { return &c.Ports })
	repeated(f, "exe", "trace executables that match `GLOB`: a path, or a base name (repeatable)", text,
		func(c *config.Config) *[]string { return &c.Exes })
	repeated(f, "container", "trace the container whose id begins with `ID` (repeatable)", text,
		func(c *config.Config) *[]string { return &c.Containers })
	f.set.StringVar(&f.file, "config", "", "read settings from the YAML `FILE`")
	f.set.Func("propagation", "let receivers know who sent a request by `MEANS`: auto, headers, joins or off", func(v string) error {
		mode, err := config.ParsePropagationMode(v)
		f.over = append(f.over, func(c *config.Config) { c.Propagation.Mode = mode })
		return err
	})
	f.set.BoolFunc("no-inject", "leave every byte that targets send as it is: the same as --propagation joins", func(string) error {
		f.over = append(f.over, func(c *config.Config) { c.Propagation.Mode = config.PropagationJoins })
		return nil
	})
	f.value("flavour", "hook sockets by `NAME`: auto, tracepoint, fentry, kprobe or syscall",
		func(c *config.Config, v string) { c.Flavour = v })
	f.value("metrics-addr", "serve the agent's own metrics on `ADDRESS`, at /metrics",
		func(c *config.Config, v string) { c.MetricsAddr = v })
	f.value("log-level", "log from `LEVEL` on: debug, info, warn or error",
		func(c *config.Config, v string) { c.LogLevel = v })
	return f
}

func (f *flags) value(name, usage string, set func(*config.Config, string)) {
	f.set.Func(name, usage, func(v string) error {
		f.over = append(f.over, func(c *config.Config) { set(c, v) })
		return nil
	})
}

// repeated is a flag whose values replace a list of the file or environment.
func repeated[T any](f *flags, name, usage string, parse func(string) (T, error), list func(*config.Config) *[]T) {
	var values []T
	f.set.Func(name, usage, func(s string) error {
		v, err := parse(s)
		if err != nil {
			return errors.New("not a number")
		}
		values = append(values, v)
		if len(values) == 1 {
			f.over = append(f.over, func(c *config.Config) { *list(c) = values })
		}
		return nil
	})
}

func text(s string) (string, error) { return s, nil }

// parse reads the command line and what stands below it. What is left of the
// line is the command to start, which only trace takes.
func (f *flags) parse(args []string) (command []string, err error) {
	if err := f.set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.help()
			return nil, err
		}
		return nil, usageError{err}
	}
	f.config, err = config.Load(f.file, os.Getenv)
	if err != nil {
		return nil, usageError{err}
	}
	for _, o := range f.over {
		o(&f.config)
	}
	return f.set.Args(), nil
}
