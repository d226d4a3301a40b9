// Package traced runs the agent on a program that runs already, and gives the
// spans that it prints of what is asked meanwhile.
package traced

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strconv"
	"time"

	"github.com/throughline/throughline/test/stage"
)

// settleTime is how long after the last answer the agent stays: the program may
// still be finishing.
const settleTime = 200 * time.Millisecond

// Trace runs the agent's executable on a process while ask runs.
func Trace(ctx context.Context, agent string, pid int, ask func(context.Context) error) (spans []Span, err error) {
	side, err := stage.Open("throughline-traced-agent")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, side.Close()) }()
	var out bytes.Buffer
	cmd := exec.Command(agent, "trace", "-o", "json", "--pid", strconv.Itoa(pid))
	cmd.Stdout = &out
	tracer, err := side.StartAgent(ctx, cmd, 1)
	if err != nil {
		return nil, err
	}
	err = ask(ctx)
	time.Sleep(settleTime)
	if err = errors.Join(err, tracer.Stop()); err != nil {
		return nil, err
	}
	return read(&out)
}
