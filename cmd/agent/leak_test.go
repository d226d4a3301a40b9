package main

import (
	"os"
	"testing"

	"github.com/throughline/throughline/internal/leaktest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == heldCommand { // what tests of commands start
		os.Exit(status(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(leaktest.Run(m))
}
