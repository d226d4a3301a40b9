package main

import (
	"strings"

	"google.golang.org/grpc/codes"
)

// A program is a server with what it is asked for. In its texts {address}, which is
// {host}:{port}, and {beside} are free, {dir} is its directory, and {upstream} the
// address of a server that it can pass requests on to.
type program struct {
	name, path, version string
	// args start it; files are written before that, by their name in its directory.
	args  []string
	files map[string]string
	// requests are made over HTTP, calls over gRPC.
	requests []request
	calls    []call
}

// A request is made over HTTP.
type request struct {
	method, url string
	body        string
	status      int
	// proxied requests are passed on to the upstream: they have a CLIENT span too.
	proxied bool
}

// A call is made over gRPC, with a message in protobuf's encoding.
type call struct {
	method, message string
	streams         bool
	code            codes.Code
}

// status is the code as the semantic conventions spell it.
func (c call) status() string {
	var b strings.Builder
	name := c.code.String()
	for i, letter := range name {
		if i > 0 && letter >= 'A' && letter <= 'Z' && name[i-1] >= 'a' {
			b.WriteByte('_')
		}
		b.WriteRune(letter)
	}
	return strings.ToUpper(b.String())
}

func get(url string, status int) request {
	return request{method: "GET", url: url, status: status}
}
