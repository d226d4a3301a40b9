package correlate

import (
	"github.com/throughline/throughline/bpf/abi"
	"github.com/throughline/throughline/correlate/library"
	"github.com/throughline/throughline/correlate/library/databasesql"
	"github.com/throughline/throughline/correlate/library/grpc"
	"github.com/throughline/throughline/correlate/library/nethttp"
)

// Libraries are all libraries whose calls are understood, by the number that the
// kernel programs give them.
func Libraries() []library.Decoder {
	http, rpc := nethttp.New(), grpc.New()
	return []library.Decoder{
		abi.LibraryGoHttpServer: http,
		abi.LibraryGoHttpClient: http,
		abi.LibraryGoGrpcServer: rpc,
		abi.LibraryGoGrpcClient: rpc,
		abi.LibraryGoSql:        databasesql.New(),
	}
}
