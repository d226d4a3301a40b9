package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/throughline/throughline/test/stage"
	"github.com/throughline/throughline/test/truth/judge"
)

// A trial is one program at one concurrency.
type trial struct {
	program program
	flight  int
	result  judge.Result
	lost    string // as the agent says it
}

// try runs one trial, with services and an agent of its own.
func (o *options) try(ctx context.Context, p program, flight int) (x trial, err error) {
	x = trial{program: p, flight: flight}
	n, err := newNetwork(ctx, o.translated)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	s, err := startServices(ctx, o.service, p, n)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r, err := openReceiver()
	if err != nil {
		return x, err
	}
	defer r.close()
	beside, err := stage.Open("throughline-truth-agent")
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	start := func() (*stage.Agent, error) {
		return beside.StartAgent(ctx, o.command(s.pids, r.address()), len(s.pids))
	}
	agent, requests, err := o.send(ctx, newDriver(p, s, o.context), flight, start)
	if err != nil {
		return x, err
	}
	r.await(ctx, len(requests)*len(p.expect("r0")))
	if err := agent.Stop(); err != nil {
		return x, err
	}
	spans, err := r.all()
	if err != nil {
		return x, err
	}
	_, x.lost, _ = strings.Cut(agent.LastLine(), "lost: ")
	x.result = judge.Judge(requests, spans)
	return x, nil
}

// command is the agent's. What it may lose for want of room is not the question
// here, so it has plenty.
func (o *options) command(pids []int, receiver string) *exec.Cmd {
	args := []string{"run", "--flavour", o.flavour, "--propagation", o.propagation}
	for _, pid := range pids {
		args = append(args, "--pid", strconv.Itoa(pid))
	}
	cmd := exec.Command(o.agent, args...)
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+receiver, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_BSP_MAX_QUEUE_SIZE=262144", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2048",
		"THROUGHLINE_RING_BYTES="+strconv.Itoa(64<<20))
	return cmd
}
