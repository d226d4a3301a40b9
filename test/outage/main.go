// Command outage shows what becomes of spans while their collector is away: an agent's last stage sends a thousand spans
// a second, over a spool, to a real OpenTelemetry Collector that is ended and started again, and is itself ended, killed
// and started again meanwhile. Every span has a number, which the Collector's file is searched for.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	outage := flag.Duration("outage", time.Minute, "how long the collector is away")
	rate := flag.Int("rate", 1000, "spans a `SECOND`")
	collector := flag.String("collector", "bin/otelcol", "the OpenTelemetry Collector")
	sends := flag.Bool("send", false, "be the sender (the command starts itself so)")
	first := flag.Int("first", 0, "number of the sender's first span")
	spool := flag.String("spool", "", "directory of the sender's spool")
	bytes := flag.Int64("bytes", 1<<30, "bound of the sender's spool")
	flag.Parse()
	err := error(nil)
	if *sends {
		err = send(*first, *rate, *spool, *bytes)
	} else {
		err = show(*outage, *rate, *collector)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "outage:", err)
		os.Exit(1)
	}
}

// scenario is one outage.
type scenario struct {
	name   string
	bytes  int64 // bound of the spool
	outage time.Duration
	signal os.Signal // that ends the sender in the middle
	// inFull says that spans are lost for want of room, and kept that none may be.
	inFull bool
	// again is how many spans may come twice: those of a batch between its delivery and its acknowledgement.
	again int
}

func show(outage time.Duration, rate int, collector string) error {
	if _, err := exec.LookPath(collector); err != nil {
		return fmt.Errorf("finding the collector: %w (make collector builds it)", err)
	}
	dir, err := os.MkdirTemp("", "outage-")
	if err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var errs []error
	for i, s := range []scenario{
		{name: "restarted in the middle", bytes: 1 << 30, outage: outage, signal: os.Interrupt},
		{name: "killed in the middle", bytes: 1 << 30, outage: outage / 3, signal: os.Kill, again: maxBatch},
		{name: "spool of 4 MiB", bytes: 4 << 20, outage: outage / 3, inFull: true},
	} {
		r := &run{scenario: s, rate: rate, dir: filepath.Join(dir, fmt.Sprint(i)), collector: collector}
		if err := r.play(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}
