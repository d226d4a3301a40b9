// Command throughline traces running programs with eBPF: no recompilation, no
// restart, any language.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/throughline/throughline/internal/buildinfo"
)

// Exit statuses of the contract with users.
const (
	exitDone  = 0
	exitError = 1 // could not do it
	exitUsage = 2 // wrong usage
)

const usage = `throughline traces running programs: no recompilation, no restart, any language.

  throughline trace  [TARGET] [-o waterfall|spans|json|chrome] [-- COMMAND ARGS...]
                     print the requests of the targets as traces; the exit status is COMMAND's
                     when the trace ended because it ended
  throughline run    [TARGET] [--config FILE]
                     trace the targets and export by OpenTelemetry, as a daemon
  throughline doctor [--pid PID] [-o text|json]
                     what this host allows, what would be used, why a process shows nothing
  throughline version

TARGET, each may be repeated; children of a target are targets:
  --pid N   --port N   --exe GLOB   --container ID

'throughline trace --help' and so on list all flags.
`

// A usageError is a command line that makes no sense.
type usageError struct{ error }

func main() {
	tuneMemory()
	os.Exit(status(os.Args[1:], os.Stdout, os.Stderr))
}

func status(args []string, out, errs io.Writer) int {
	err := dispatch(args, out, errs)
	var (
		wrong   usageError
		command *commandStatus
	)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &wrong):
		fmt.Fprintf(errs, "throughline: %v\n", err)
		return exitUsage
	case errors.As(err, &command):
		fmt.Fprintf(errs, "throughline: %v\n", err)
		return command.status
	default:
		fmt.Fprintf(errs, "throughline: %v\n", err)
		return exitError
	}
}

func dispatch(args []string, out, errs io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(errs, usage)
		return usageError{errors.New("no command is given")}
	}
	switch name, rest := args[0], args[1:]; name {
	case "trace":
		return trace(rest, out, errs)
	case "run":
		return daemon(rest, out, errs)
	case "doctor":
		return diagnose(rest, out, errs)
	case "version", "--version", "-v":
		fmt.Fprintln(out, "throughline", buildinfo.Version)
		return nil
	case "help", "--help", "-h":
		fmt.Fprint(out, usage)
		return nil
	case heldCommand:
		return execHeld(rest)
	default:
		return usageError{fmt.Errorf("no command is called %q: use trace, run, doctor or version", name)}
	}
}

// untilSignal returns a context that SIGINT or SIGTERM ends. A second signal
// ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on signals do what they do by default
	return ctx, stop
}
