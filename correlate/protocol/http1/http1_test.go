package http1

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/correlate/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bothEnds(t *testing.T, f func(t *testing.T, asServer bool)) {
	t.Run("server", func(t *testing.T) { f(t, true) })
	t.Run("client", func(t *testing.T) { f(t, false) })
}

// Every conversation, each call an event.
func TestScripts(t *testing.T) {
	for _, s := range loadScripts(t) {
		t.Run(s.name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				k := newKernel(t, flow.Options{})
				s.play(k, asServer)
				s.check(t, k, asServer, "whole")
			})
		})
	}
}

// The calls' boundaries mean nothing: each conversation is cut in two at every
// byte, and into single bytes, and at random.
func TestScriptsSplitAnywhere(t *testing.T) {
	for _, s := range loadScripts(t) {
		t.Run(s.name, func(t *testing.T) {
			bothEnds(t, func(t *testing.T, asServer bool) {
				run := func(how string, next func(int) int) {
					k := newKernel(t, flow.Options{})
					k.events = 1 << 20
					cut := s.split(next)
					cut.play(k, asServer)
					cut.check(t, k, asServer, how)
				}
				run("byte by byte", func(int) int { return 1 })
				for at := 1; at < s.size() && !t.Failed(); at++ {
					left := at
					run(fmt.Sprintf("cut at %d", at), func(length int) int {
						if left > 0 && left < length {
							n := left
							left = 0
							return n
						}
						left -= length
						return length
					})
				}
				r := rand.New(rand.NewPCG(1, 2))
				for i := 0; i < 20 && !t.Failed(); i++ {
					run("at random", func(int) int { return 1 + r.IntN(40) })
				}
			})
		})
	}
}
