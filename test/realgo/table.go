package main

import (
	"fmt"
	"io"
	"strings"
)

func printHead(w io.Writer) {
	fmt.Fprintln(w, "| program | version | Go | MB | probed libraries | requests | right spans | |")
	fmt.Fprintln(w, "|---|---|---|--:|---|--:|--:|---|")
}

func printRow(w io.Writer, p program, b binary, r result, ok bool) {
	verdict := "FAIL"
	if ok {
		verdict = "ok"
	}
	fmt.Fprintf(w, "| %s | %s | %s | %d | %s | %d | %d | %s |\n", p.name, p.version, b.goVersion, b.size>>20,
		strings.Join(r.sources, ", "), r.asked, r.right, verdict)
}
