// Command demo traces requests through three unmodified services in three
// languages and prints what throughline makes of them. It is what `make demo`
// runs; nothing of it is left on the machine afterwards.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/throughline/throughline/test/stage"
)

// agentPath is where make builds the agent, from the root of the project.
const agentPath = "bin/throughline"

// spansPerRequest is what a request through the three services consists of: a
// SERVER span in each, and a CLIENT span in the two that ask another.
const spansPerRequest = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := demo(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, out io.Writer) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("kernel programs have to be loaded: run it as root")
	}
	if _, err := os.Stat(agentPath); err != nil {
		return fmt.Errorf("the agent is not built, run make first: %w", err)
	}
	s, err := stage.Open("throughline-demo")
	if err != nil {
		return err
	}
	defer func() {
		if ctx.Err() != nil {
			err = errors.New("interrupted; everything is taken away again")
		}
		err = errors.Join(err, s.Close())
	}()

	all := services()
	if err := start(ctx, s, all); err != nil {
		return err
	}
	fmt.Fprintln(out, "Three services run, none of which knows of tracing:")
	for i, v := range all {
		fmt.Fprintf(out, "  %d. %-8s %-20s pid %-7d http://%s\n", i+1, v.name, v.language, v.program.PID(), v.listen)
	}
	a, err := attach(ctx, s, all)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n$ throughline %s\n%s\n", a.arguments(), a.greeting)

	for _, item := range []string{"coffee", "tea", "unicorns"} {
		status, err := request(ctx, "http://"+all[0].listen+"/buy/"+item)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n$ curl http://%s/buy/%s  # %s\n\n", all[0].listen, item, status)
		page, err := a.next(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(out, page.text)
		if err := page.complete(spansPerRequest, len(all)); err != nil {
			return err
		}
	}
	if err := a.stop(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", a.farewell())
	return nil
}

// request sends one as a client that is not traced, and returns the status.
func request(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("asking the gateway: %w", err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", fmt.Errorf("asking the gateway: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return "", fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return answer.Status, nil
}
