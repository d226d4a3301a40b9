package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// callers make the calls that wrk and the pacer cannot, each over a connection of its
// own, by the name of what is called.
func callers() map[string]func(address string) (func(context.Context) error, error) {
	return map[string]func(string) (func(context.Context) error, error){"https": callSecure, "grpc": callEcho}
}

// calls is a load of a caller. Rate 0 is as much as the server takes.
func calls(name string, rate, connections int) load {
	return func(ctx context.Context, address string, d time.Duration) (loadResult, error) {
		var r loadResult
		own, err := ask(ctx, &r, "calls", name, address, strconv.Itoa(connections), strconv.Itoa(rate), d.String())
		r.own = own
		return r, err
	}
}

// playCalls is the role: NAME ADDRESS CONNECTIONS RATE DURATION, result as JSON. A
// latency begins when its call was due.
func playCalls(ctx context.Context, args []string) error {
	connect, ok := callers()[args[0]]
	if !ok {
		return fmt.Errorf("nobody calls %q", args[0])
	}
	connections, err := strconv.Atoi(args[2])
	rate, err1 := strconv.Atoi(args[3])
	duration, err2 := time.ParseDuration(args[4])
	if err := errors.Join(err, err1, err2); err != nil {
		return err
	}
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		all    []float64
		failed int
		began  = time.Now()
		end    = began.Add(duration)
	)
	for n := range connections {
		call, err := connect(args[1])
		if err != nil {
			return err
		}
		wait.Go(func() {
			var took []float64
			bad := 0
			for i := n; ; i += connections {
				due := time.Now()
				if rate > 0 {
					due = began.Add(time.Duration(i) * time.Second / time.Duration(rate))
					time.Sleep(time.Until(due))
				}
				if due.After(end) || ctx.Err() != nil {
					break
				}
				if err := call(ctx); err != nil {
					bad++
					continue
				}
				took = append(took, float64(time.Since(due))/float64(time.Microsecond))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, took...), failed+bad
		})
	}
	wait.Wait()
	slices.Sort(all)
	return json.NewEncoder(os.Stdout).Encode(loadResult{
		Requests: len(all), Failed: failed, Seconds: time.Since(began).Seconds(), P50: percentile(all, 50), P99: percentile(all, 99),
	})
}
