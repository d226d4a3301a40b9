// Command unharmed shows that the agent does no damage to what programs send and
// receive. A client that it traces and a server hold conversations over loopback
// in every way that programs do (-list lists them), some of them as nobody should.
// Both make a conversation from a seed and its number, so each knows every byte
// that the other is to send, and compares as the bytes arrive. In each mode of the
// agent, what arrives has to be what was sent, and nothing more than whole header
// lines of the names that the mode may add, behind the request line of a request,
// in one block, none of them twice and none where the request has a trace context in
// one of the mode's formats.
//
//	go run ./test/unharmed -requests 20000
//	go run ./test/unharmed -modes headers -seed 7 -stream 1234   # one that failed
//
// It prints a table for each mode and fails on any difference, and on any
// conversation that hangs or breaks, also while the agent is killed again and
// again.
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
	"time"
)

func main() {
	var o options
	var modeNames, kindNames string
	flag.IntVar(&o.requests, "requests", 20000, "send at least `N` requests in each mode")
	flag.StringVar(&modeNames, "modes", "", "only these modes: a `LIST` with commas; -list lists them")
	flag.StringVar(&kindNames, "kinds", "", "only these kinds of conversations: a `LIST` with commas")
	flag.Uint64Var(&o.seed, "seed", 1, "the `NUMBER` that everything is made from")
	flag.Int64Var(&o.stream, "stream", -1, "only the conversation of this `NUMBER`")
	flag.IntVar(&o.flight, "flight", 32, "hold `N` conversations at a time")
	flag.IntVar(&o.deaths, "deaths", 3, "in the mode killed, kill the agent `N` times")
	flag.DurationVar(&o.deadline, "deadline", 30*time.Second, "a conversation a turn of which takes longer hangs")
	flag.StringVar(&o.agent, "agent", "bin/throughline", "the agent's `FILE`")
	flag.StringVar(&o.flavour, "flavour", "auto", "how the agent hooks sockets")
	flag.BoolVar(&o.list, "list", false, "list modes and kinds")
	flag.StringVar(&o.role, "role", "", "internal: be the client or the server")
	flag.IntVar(&o.port, "port", 0, "internal: the server's")
	flag.StringVar(&o.report, "report", "", "internal: where to write what was counted")
	flag.StringVar(&o.may, "may", "", "internal: headers that may be added")
	flag.BoolVar(&o.joined, "joined", false, "internal: the agent may come when connections are open")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := o.choose(modeNames, kindNames)
	if err == nil {
		err = o.run(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "unharmed:", err)
		os.Exit(1)
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// options are what the command line asks for.
type options struct {
	modes    []mode
	kinds    []string // none: all
	requests int
	seed     uint64
	stream   int64
	flight   int
	deaths   int
	deadline time.Duration
	agent    string
	flavour  string
	list     bool

	role   string
	port   int
	report string
	may    string
	joined bool
}

// choose reads the lists.
func (o *options) choose(modeNames, kindNames string) error {
	if o.requests < 1 || o.flight < 1 || o.deaths < 1 {
		return errors.New("-requests, -flight and -deaths have to be above 0")
	}
	if o.stream >= streamsMax {
		return fmt.Errorf("-stream has to be below %d", streamsMax)
	}
	o.modes = modes()
	if modeNames != "" {
		o.modes = nil
		for _, name := range list(modeNames) {
			m, err := find(name)
			if err != nil {
				return err
			}
			o.modes = append(o.modes, m)
		}
	}
	known := map[string]bool{}
	for _, k := range kinds() {
		known[k.name] = true
	}
	for _, name := range list(kindNames) {
		if !known[name] {
			return fmt.Errorf("there is no kind %q", name)
		}
		o.kinds = append(o.kinds, name)
	}
	return nil
}

func (o *options) run(ctx context.Context) error {
	switch {
	case o.role == roleClient:
		return o.beClient()
	case o.role == roleServer:
		return o.beServer()
	case o.list:
		for _, m := range modes() {
			fmt.Printf("%-16s %s\n", m.name, m.about)
		}
		fmt.Println()
		for _, k := range kinds() {
			fmt.Printf("%-16s %s\n", k.name, k.about)
		}
		return nil
	}
	return o.measure(ctx)
}
