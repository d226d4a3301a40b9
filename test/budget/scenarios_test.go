package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/throughline/throughline/probes"
)

// TestScenarios: each is of ways that there are, and its limits of libraries that
// there are.
func TestScenarios(t *testing.T) {
	libraries := map[string]bool{}
	for _, l := range probes.GoLibraries(false) {
		libraries[l.Name] = true
	}
	for _, s := range scenarios() {
		for _, name := range []string{s.serves, s.calls} {
			if _, err := wayOf(name); name != "" && err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if s.serves == "" && s.calls == "" && s.framework == "" || len(s.limits) == 0 {
			t.Errorf("%s does nothing, or nothing of it is counted", s.name)
		}
		for library := range s.limits {
			if !libraries[library] {
				t.Errorf("%s: no library is called %q", s.name, library)
			}
		}
	}
}

func TestChoose(t *testing.T) {
	all := scenarios()
	if got := choose(all, ""); len(got) != len(all) {
		t.Errorf("got %d of %d", len(got), len(all))
	}
	if got := choose(all, "gRPC,HTTPS client"); len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if got := choose(all, "nothing"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// TestWays: every way asks, and its server does its part each time.
func TestWays(t *testing.T) {
	k, err := makeKeys()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := k.remove(); err != nil {
			t.Error(err)
		}
	}()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			address, asked := "", 0
			ended := make(chan error, 1)
			if w.serve != nil {
				l, err := net.Listen("tcp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				address = l.Addr().String()
				go func() { ended <- w.serve(ctx, k, l, func(context.Context) error { asked++; return nil }) }()
			} else {
				ended <- nil
			}
			do, err := w.caller(k, address)
			if err == nil {
				err = repeat(ctx, do, 3)
			}
			if err != nil {
				t.Error(err)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if w.serve != nil && asked != 3 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}
