package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/throughline/throughline/test/traced"
)

//go:embed testdata/web.go.txt
var webSource []byte

//go:embed testdata/grpc.go.txt
var grpcSource []byte

// A subject is what is tried in several versions: a service that uses it, what the
// service is asked, and what spans that has to give.
type subject struct {
	name     string
	versions []string
	builds   []build
	source   []byte
	// module is the service's go.mod, toolchain the Go that builds it.
	module    func(version string) string
	toolchain func(version string) string
	ask       func(ctx context.Context, address string) error
	judge     func([]traced.Span) error
}

// goItself is net/http as each toolchain brings it.
func goItself(versions []string) subject {
	return subject{
		name: "Go", versions: versions, source: webSource, ask: askWeb, judge: judgeWeb,
		builds: []build{
			{"default", "0", nil},
			{"stripped", "0", []string{"-ldflags=-s -w"}},
			{"PIE", "0", []string{"-buildmode=pie"}},
			{"PIE, stripped", "0", []string{"-buildmode=pie", "-ldflags=-s -w"}},
			{"cgo", "1", nil},
		},
		module:    func(string) string { return "module example.com/service\n\ngo 1.18\n" },
		toolchain: func(version string) string { return "go" + version },
	}
}

// grpcGo is the gRPC module, built by the toolchain at hand.
func grpcGo(versions []string) subject {
	return subject{
		name: "gRPC-Go", versions: versions, source: grpcSource, ask: askGRPC, judge: judgeGRPC,
		builds: []build{
			{"default", "0", nil},
			{"stripped", "0", []string{"-ldflags=-s -w"}},
		},
		module: func(version string) string {
			return fmt.Sprintf("module example.com/service\n\ngo 1.22\n\nrequire google.golang.org/grpc v%s\n", version)
		},
		toolchain: func(string) string { return "auto" },
	}
}
