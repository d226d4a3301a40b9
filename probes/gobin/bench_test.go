package gobin

import (
	"os"
	"testing"
)

// BenchmarkLarge does all that a tracer wants of a file, by default this
// module's own agent; GOBIN_BENCH names another one. Bytes and allocations are
// those of one file.
func BenchmarkLarge(b *testing.B) {
	path := os.Getenv("GOBIN_BENCH")
	if path == "" {
		path = compile(b, build{program: "server", env: []string{"CGO_ENABLED=0"}})
	}
	stat, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	names := []string{serve, roundTrip, finish, query, "runtime.newproc1", "runtime.casgstatus", "net/http.(*http2serverConn).runHandler",
		"google.golang.org/grpc.(*Server).handleStream", "google.golang.org/grpc.(*ClientConn).Invoke"}
	fields := []Field{{"runtime.g", "goid"}, {"net/http.Request", "Method"}, {"net/http.Request", "URL"}, {"net/url.URL", "Path"},
		{"net/http.response", "status"}, {"context.valueCtx", "key"}, {"google.golang.org/grpc/internal/transport.Stream", "id"}}
	b.ReportAllocs()
	for b.Loop() {
		f, err := OpenFile(path)
		if err != nil {
			b.Fatal(err)
		}
		found, err := f.Functions(names)
		if err != nil {
			b.Fatal(err)
		}
		for _, fn := range found {
			if _, err := f.Site(fn); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := f.FieldOffsets(fields); err != nil && f.DWARF {
			b.Fatal(err)
		}
		f.Close()
	}
	b.ReportMetric(float64(stat.Size())/(1<<20), "MiB/file")
}
