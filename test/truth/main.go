// Command truth measures whether the agent tells the truth about causality. It
// drives Go services that call each other in all the ways that programs do;
// every request has an id in its path from which the right tree is known, so the
// spans alone tell which of them are wrong. It prints a table and fails when a
// span is crossed, duplicated or missing, or too many are orphaned.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	var o options
	var programs, concurrency string
	var short bool
	flag.StringVar(&programs, "programs", "", "only these programs: a `LIST` with commas; -list lists them")
	flag.StringVar(&programs, "only", "", "the same as -programs")
	flag.StringVar(&concurrency, "concurrency", "", "requests in flight: a `LIST` with commas; default 1,32,256")
	flag.IntVar(&o.requests, "requests", 0, "send `N` to each program at each concurrency; default 1700")
	flag.StringVar(&o.context, "context", contextBoth, "what the driver sends: none, sent, or both in turn")
	flag.StringVar(&o.attach, "attach", attachBefore, "when the agent comes: `WHEN` is before the requests, between some and the others, or during them")
	flag.StringVar(&o.agent, "agent", "bin/throughline", "the agent's `FILE`")
	flag.StringVar(&o.flavour, "flavour", "auto", "how the agent hooks sockets")
	flag.StringVar(&o.propagation, "propagation", "auto", "how the agent tells receivers who sent a request")
	flag.BoolVar(&o.translated, "nat", false, "run the services in network namespaces, with a router between them that translates addresses and ports")
	flag.StringVar(&o.service, "service", "", "the service's `FILE`; default: built here")
	flag.BoolVar(&short, "short", false, "a short run: defaults are 64 requests, 32 in flight")
	flag.BoolVar(&o.list, "list", false, "list the programs")
	flag.BoolVar(&o.json, "json", false, "print JSON instead of a table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if concurrency == "" && short {
		concurrency = "32"
	} else if concurrency == "" {
		concurrency = "1,32,256"
	}
	if o.requests == 0 && short {
		o.requests = 64
	} else if o.requests == 0 {
		o.requests = 1700
	}
	err := o.choose(programs, concurrency)
	if err == nil {
		err = o.run(ctx, os.Stdout)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
