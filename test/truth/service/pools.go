package main

import (
	"context"
	"sync"
)

// A job is one call that a worker makes.
type job struct {
	ctx  context.Context
	id   string
	done chan<- error
}

// A pool is a number of workers that live as long as the program.
type pool struct {
	e    *environment
	jobs chan job

	mu   sync.Mutex
	room int // for workers that are not started yet
}

const workers = 8

// newPool makes a pool whose workers are started with it, or, lazily, each by
// the handler that comes while there is room.
func newPool(e *environment, lazy bool) *pool {
	p := &pool{e: e, jobs: make(chan job), room: workers}
	for !lazy && p.grow() {
	}
	return p
}

// grow starts one worker, unless there are enough.
func (p *pool) grow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room == 0 {
		return false
	}
	p.room--
	go p.work()
	return true
}

func (p *pool) work() {
	for j := range p.jobs {
		j.done <- p.e.call(j.ctx, p.e.leaf, j.id)
	}
}

// do has calls made by the workers and waits for all of them.
func (p *pool) do(ctx context.Context, ids ...string) error {
	done := make(chan error, len(ids))
	for _, id := range ids {
		p.grow()
		p.jobs <- job{ctx, id, done}
	}
	var first error
	for range ids {
		if err := <-done; first == nil {
			first = err
		}
	}
	return first
}

// poolAtStart passes the request's context to workers that were there before it.
func poolAtStart(e *environment) (server, error) { return e.withPool(newPool(e, false)) }

// poolLazy does so with workers that handlers have started.
func poolLazy(e *environment) (server, error) { return e.withPool(newPool(e, true)) }

// blindPoolAtStart passes no context to workers that were there before.
func blindPoolAtStart(e *environment) (server, error) { return e.withBlindPool(newPool(e, false)) }

// blindPoolLazy passes no context to workers that handlers have started.
func blindPoolLazy(e *environment) (server, error) { return e.withBlindPool(newPool(e, true)) }

func (e *environment) withPool(p *pool) (server, error) {
	return e.web(e.by(func(ctx context.Context, _ *environment, id string) error {
		return p.do(ctx, id+".1", id+".2")
	}))
}

func (e *environment) withBlindPool(p *pool) (server, error) {
	return e.web(e.by(func(_ context.Context, _ *environment, id string) error {
		return p.do(context.Background(), id+".n1", id+".n2")
	}))
}
