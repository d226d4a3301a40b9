package main

import "context"

// pipeline sends each request through three goroutines, which live as long as
// the program: two make a call each, the last one ends the request.
func pipeline(e *environment) (server, error) {
	type item struct {
		job
		err error
	}
	stage := func(in <-chan item, suffix string) <-chan item {
		out := make(chan item)
		for i := 0; i < 4; i++ {
			go func() {
				for x := range in {
					if x.err == nil {
						x.err = e.call(x.ctx, e.leaf, x.id+suffix)
					}
					out <- x
				}
			}()
		}
		return out
	}
	in := make(chan item)
	out := stage(stage(in, ".1"), ".2")
	go func() {
		for x := range out {
			x.done <- x.err
		}
	}()
	return e.web(e.by(func(ctx context.Context, _ *environment, id string) error {
		done := make(chan error, 1)
		in <- item{job: job{ctx, id, done}}
		return <-done
	}))
}
