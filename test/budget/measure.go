package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/throughline/throughline/test/stage"
)

const (
	// warmup is how many requests come before those that count: the connections
	// are there then.
	warmup = 50
	// settleTime is what a service has to finish what it does behind its answer.
	settleTime = 200 * time.Millisecond
	// scenarioTime is the longest that a scenario may take.
	scenarioTime = time.Minute
)

// A result is what a scenario showed.
type result struct {
	scenario string
	requests int
	runs     []runs  // of programs that ran
	spans    float64 // that came, a request
	sides    []side
}

// measure runs one scenario, with services and an agent of its own; file is the
// traced service's executable.
func (b *budget) measure(ctx context.Context, s scenario, file string) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, scenarioTime)
	defer cancel()
	r = result{scenario: s.name, requests: b.requests}
	c, err := start(ctx, s, b.keys, file)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	receiver, err := openReceiver()
	if err != nil {
		return r, err
	}
	defer receiver.close()
	beside, err := stage.Open("throughline-budget-agent")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	agent, err := beside.StartAgent(ctx, b.command(c.traced, receiver.address()), 1)
	if err != nil {
		return r, err
	}
	before, err := take(ctx, beside, c, warmup)
	if err != nil {
		return r, err
	}
	after, err := take(ctx, beside, c, b.requests)
	if err != nil {
		return r, err
	}
	r.runs = difference(before, after)
	if err := agent.Stop(); err != nil {
		return r, err
	}
	r.spans = float64(receiver.spans.Load()) / float64(warmup+b.requests)
	return r, nil
}

// take makes n requests, and reads the counters when all is over.
func take(ctx context.Context, agent *stage.Stage, c *cast, n int) (map[uint32]runs, error) {
	if err := c.drive(ctx, n); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settleTime):
	}
	pids, err := agent.Members()
	if err != nil {
		return nil, err
	}
	return readRuns(pids)
}

// command is the agent's, with room for all spans.
func (b *budget) command(pid int, receiver string) *exec.Cmd {
	cmd := exec.Command(b.agent, "run", "--pid", strconv.Itoa(pid))
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+receiver, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_BSP_MAX_QUEUE_SIZE=65536", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2048")
	return cmd
}
