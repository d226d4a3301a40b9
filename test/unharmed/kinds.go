package main

// A kind is a way to use a connection.
type kind struct {
	name  string
	about string
	make  func(d *dice) plan
}

// kinds are all of them, in the order in which connections take turns.
func kinds() []kind {
	return []kind{
		{"keep-alive", "hundreds of small requests", keepAlive},
		{"split", "a head in two calls, at every offset of it", split},
		{"bytes", "a head in a call a byte", bytewise},
		{"vector", "writev and sendmsg with many elements, empty ones too", vector},
		{"more", "MSG_MORE between head and body, and within them", more},
		{"sendfile", "a head, and sendfile behind it", sendfile},
		{"splice", "a head, and splice from a pipe behind it", splice},
		{"sendmmsg", "several messages in a call", messages},
		{"zerocopy", "MSG_ZEROCOPY, and its notifications", zerocopy},
		{"late zerocopy", "the same, where SO_ZEROCOPY is set on a connection", lateZerocopy},
		{"fast open", "connecting and sending in one call", fastOpen},
		{"urgent", "a byte by MSG_OOB within a body", urgent},
		{"pipeline", "requests that do not wait for the answer", pipeline},
		{"continue", "Expect: 100-continue", expect},
		{"chunked", "bodies in chunks, in all sizes of calls", chunked},
		{"long head", "heads of 500 bytes to 64 KiB", longHead},
		{"body", "bodies that look like requests, cut where they do", lookalike},
		{"large", "megabytes in one call", large},
		{"tight", "buffers of some KiB, a slow reader, calls that take a part", tight},
		{"upgrade", "101, and then anything", upgrade},
		{"tunnel", "CONNECT, and then what looks like HTTP", tunnel},
		{"refused", "CONNECT or Upgrade that is refused, and requests behind it", refused},
		{"half-closed", "shutdown before the answer", halfClosed},
		{"cut off", "shutdown in the middle of a head or a body", cutOff},
		{"reset", "the client resets, in the middle too", resets},
		{"reset by peer", "the server resets", resetByPeer},
		{"early answer", "the answer comes before the request's end", early},
		{"duplex", "one thread sends while another one hears", duplex},
		{"answers", "1xx, no body, until the end, split anywhere", answers},
		{"other protocol", "noise, TLS, HTTP/2, Redis, PostgreSQL", otherProtocol},
		{"server first", "a greeting before the client's first byte", serverFirst},
		{"own context", "requests that have a traceparent, well-formed or not", ownContext},
		{"own others", "requests that have another header of the trace context", ownOthers},
		{"bare LF", "lines that end without CR", bareLF},
		{"folded", "header lines that go on behind a space", folded},
		{"empty lines", "empty lines before the request line", emptyLines},
		{"odd lines", "request lines that are nearly HTTP/1, or just so", oddLines},
	}
}
