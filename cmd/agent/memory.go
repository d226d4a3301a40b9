package main

import (
	"os"
	"runtime/debug"
)

// What the agent keeps is small and what it makes is short-lived: at Go's
// default a tenth of its time goes into collecting a few megabytes. The limit
// bounds the Go heap; ring and code come on top of it.
const (
	collectPercent = 300
	heapLimit      = 32 << 20
)

// tuneMemory sets how memory is collected, unless GOGC and GOMEMLIMIT do.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}
