//go:build go1.21

package main

import "context"

func newer(ctx context.Context) {
	stop := context.AfterFunc(context.WithoutCancel(ctx), func() {})
	println(stop())
	_, cancel := context.WithCancel(own{ctx})
	cancel()
}

// own is a context of another's making, which is watched by a method of its own.
type own struct{ context.Context }

func (own) AfterFunc(func()) func() bool { return nil }
