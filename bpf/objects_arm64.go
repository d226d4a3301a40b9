package bpf

import "embed"

//go:embed *_arm64.o
var objects embed.FS

const suffix = "_arm64.o"
