package library

import (
	"strings"

	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
)

// Std declares a field of the standard library.
func Std(number abi.GoField, ways ...string) Field { return Of(offsets.Std, number, ways...) }

// Of declares a field of a module. Each way to it is a path of fields with spaces
// between, "net.netFD.pfd internal/poll.FD.Sysfd", whose offsets add up.
func Of(module string, number abi.GoField, ways ...string) Field {
	f := Field{Number: number, Module: module}
	for _, way := range ways {
		var path []gobin.Field
		for one := range strings.FieldsSeq(way) {
			dot := strings.LastIndexByte(one, '.')
			path = append(path, gobin.Field{Type: one[:dot], Name: one[dot+1:]})
		}
		f.Paths = append(f.Paths, path)
	}
	return f
}

// OrAbsent makes a field optional.
func (f Field) OrAbsent() Field {
	f.Optional = true
	return f
}

// Runtime are the fields that every library's programs read (bpf/go.h).
func Runtime() []Field {
	return []Field{
		Std(abi.GoGGoid, "runtime.g.goid"),
		Std(abi.GoGPanic, "runtime.g._panic").OrAbsent(),
	}
}

// Socket are the fields from a net.Conn to its descriptor (bpf/go_call.h).
func Socket() []Field {
	return []Field{
		Std(abi.GoTcpConnFd, "net.conn.fd"),
		Std(abi.GoNetFdFamily, "net.netFD.family"),
		Std(abi.GoNetFdSotype, "net.netFD.sotype"),
		Std(abi.GoPollFdSysfd, "net.netFD.pfd internal/poll.FD.Sysfd"),
		Std(abi.GoPollFdIsStream, "net.netFD.pfd internal/poll.FD.IsStream"),
		Std(abi.GoTlsConnConn, "crypto/tls.Conn.conn").OrAbsent(),
	}
}

// Map are the fields of Go's maps: swiss maps since Go 1.24, else buckets.
func Map() []Field {
	return []Field{
		Std(abi.GoMapDirPtr, "internal/runtime/maps.Map.dirPtr").OrAbsent(),
		Std(abi.GoMapDirLen, "internal/runtime/maps.Map.dirLen").OrAbsent(),
		Std(abi.GoTableGroups, "internal/runtime/maps.table.groups").OrAbsent(),
		Std(abi.GoHmapB, "runtime.hmap.B").OrAbsent(),
		Std(abi.GoHmapBuckets, "runtime.hmap.buckets").OrAbsent(),
	}
}
