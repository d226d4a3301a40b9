package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A group runs goroutines with a context that ends at their first error, as
// errgroup does.
type group struct {
	wait   sync.WaitGroup
	once   sync.Once
	cancel context.CancelFunc
	err    error
}

func newGroup(ctx context.Context) (*group, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	return &group{cancel: cancel}, ctx
}

func (g *group) start(f func() error) {
	g.wait.Add(1)
	go func() {
		defer g.wait.Done()
		if err := f(); err != nil {
			g.once.Do(func() { g.err = err; g.cancel() })
		}
	}()
}

func (g *group) join() error {
	g.wait.Wait()
	g.cancel()
	return g.err
}

// fanOut makes four calls at once, with the group's context.
func fanOut(ctx context.Context, e *environment, id string) error {
	g, ctx := newGroup(ctx)
	for i := 1; i <= 4; i++ {
		call := fmt.Sprintf("%s.%d", id, i)
		g.start(func() error { return e.call(ctx, e.leaf, call) })
	}
	return g.join()
}

// tree starts a goroutine that starts a goroutine, four deep. Each makes a call
// while the next one works, with a context that it derived itself.
func tree(ctx context.Context, e *environment, id string) error {
	type depth struct{}
	var descend func(ctx context.Context, level int) error
	descend = func(ctx context.Context, level int) error {
		ctx, cancel := context.WithTimeout(context.WithValue(ctx, depth{}, level), time.Minute)
		defer cancel()
		g, ctx := newGroup(ctx)
		if level < 4 {
			g.start(func() error { return descend(ctx, level+1) })
		}
		g.start(func() error { return e.call(ctx, e.leaf, fmt.Sprintf("%s.%d", id, level)) })
		return g.join()
	}
	return descend(ctx, 1)
}

// spawnBlind starts goroutines that do not get the request's context.
func spawnBlind(_ context.Context, e *environment, id string) error {
	g, _ := newGroup(context.Background())
	for i := 1; i <= 3; i++ {
		call := fmt.Sprintf("%s.m%d", id, i)
		g.start(func() error { return e.call(context.Background(), e.leaf, call) })
	}
	return g.join()
}

// withoutCancel makes a call, in another goroutine, that the request's end
// would not cancel.
func withoutCancel(ctx context.Context, e *environment, id string) error {
	g, _ := newGroup(context.Background())
	g.start(func() error { return e.call(context.WithoutCancel(ctx), e.leaf, id+".1") })
	return g.join()
}

// detached answers, and makes a call in the request's name a little later.
func detached(ctx context.Context, e *environment, id string) error {
	e.pending.Add(1)
	go func() {
		defer e.pending.Add(-1)
		time.Sleep(5 * time.Millisecond)
		if err := e.call(context.WithoutCancel(ctx), e.leaf, id+".m1"); err != nil {
			panic(err) // nobody else would hear of it
		}
	}()
	return nil
}
