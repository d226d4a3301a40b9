// The servers here are programs to trace: none of what they need is the agent's.
module github.com/throughline/throughline/test/e2e/frameworks

go 1.26.0

require (
	github.com/lib/pq v1.10.9
	github.com/valyala/fasthttp v1.65.0
)

require (
	github.com/andybalholm/brotli v1.2.0 // indirect
	github.com/klauspost/compress v1.18.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
)
