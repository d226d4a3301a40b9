package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/throughline/throughline/cmd/agent/doctor"
	"github.com/throughline/throughline/probes"
)

// examineTime bounds how long the doctor tries things.
const examineTime = 20 * time.Second

// diagnose says what this host allows and why a process may show nothing.
func diagnose(args []string, out, errs io.Writer) error {
	set := flag.NewFlagSet("doctor", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	pid := set.Int("pid", 0, "examine process `N` too")
	output := set.String("o", "text", "print as `FORM`: text or json")
	set.Usage = func() {} // an error is one sentence
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(errs, "usage: throughline doctor [--pid PID] [-o text|json]\n\n")
			set.SetOutput(errs)
			set.PrintDefaults()
			return err
		}
		return usageError{err}
	}
	if set.NArg() > 0 {
		return usageError{fmt.Errorf("doctor takes no argument %q", set.Arg(0))}
	}
	if *pid < 0 {
		return usageError{fmt.Errorf("%d is not a process number", *pid)}
	}
	if *output != "text" && *output != "json" {
		return usageError{fmt.Errorf("-o %s is not a form of output: use text or json", *output)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), examineTime)
	defer cancel()
	report, err := doctor.Examine(ctx, doctor.Options{PID: *pid, Flavour: tryFlavour})
	if err != nil {
		return err
	}
	if *output == "json" {
		err = report.WriteJSON(out)
	} else {
		err = report.WriteText(out)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if !report.Usable() {
		if report.Problem != "" {
			return errors.New(report.Problem)
		}
		return errors.New("this host does not let programs be traced, see above; " + hint(os.Geteuid()))
	}
	return nil
}

// tryFlavour loads and attaches a flavour's programs and takes them out again.
func tryFlavour(name string) error {
	p, err := probes.Open(probes.Config{Flavour: name, NoInject: true, NoJoin: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return p.Close()
}

func hint(uid int) string {
	if uid != 0 {
		return "run doctor as root"
	}
	return "each missing thing has its cure beside it"
}
