package bpf

import "embed"

//go:embed *_x86.o
var objects embed.FS

const suffix = "_x86.o"
