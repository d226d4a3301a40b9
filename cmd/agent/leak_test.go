package main

import (
	"os"
	"testing"

	"github.com/throughline/throughline/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }
