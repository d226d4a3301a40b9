package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/test/e2e/goservice"
)

// Environment of the suite.
const (
	envBinary  = "THROUGHLINE_BIN"     // the agent; default ../../bin/throughline
	envFlavour = "THROUGHLINE_FLAVOUR" // how it hooks sockets; default auto
	envVM      = "THROUGHLINE_VM"      // set in a test machine: not every program is there
	envRole    = "THROUGHLINE_E2E_ROLE"
)

// roleService makes the test binary the Go program that is traced, where no
// toolchain can build one.
const roleService = "service"

// roleAsker makes it a Go client that is traced.
const roleAsker = "asker"

var settings struct {
	binary  string
	flavour string
	vm      bool
}

func TestMain(m *testing.M) {
	if os.Getenv(envRole) == roleService {
		if err := goservice.Main(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "service:", err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(envRole) == roleAsker {
		if err := beAsker(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "asker:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := prepare(); err != nil {
		var absent absentError
		if errors.As(err, &absent) && settings.vm {
			fmt.Println("ABSENT:", absent)
			return
		}
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(runAndLookBehind(m))
}

// runAndLookBehind runs the tests and fails when they leave anything running
// or anything of ours in the kernel.
func runAndLookBehind(m *testing.M) int {
	before, err := kernelObjects()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	status := m.Run()
	removeServiceBinary()
	removeFrameworkBinaries()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: goroutines are left:", err)
		status = max(status, 1)
	}
	if left := before.waitForNone(5 * time.Second); left != "" {
		fmt.Fprintln(os.Stderr, "e2e: left in the kernel:", left)
		status = max(status, 1)
	}
	return status
}

// absentError names an ability that this kernel lacks.
type absentError string

func (e absentError) Error() string { return string(e) }

func prepare() error {
	settings.vm = os.Getenv(envVM) != ""
	settings.flavour = os.Getenv(envFlavour)
	if settings.flavour == "" {
		settings.flavour = "auto"
	}
	settings.binary = os.Getenv(envBinary)
	if settings.binary == "" {
		settings.binary = filepath.Join("..", "..", "bin", "throughline")
	}
	var err error
	if settings.binary, err = filepath.Abs(settings.binary); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("the tests attach to the kernel: run them as root")
	}
	if _, err := os.Stat(settings.binary); err != nil {
		return fmt.Errorf("no agent to test: %w (run make)", err)
	}
	return tryFlavour()
}

// tryFlavour finds out whether the kernel lets the flavour be attached at all.
func tryFlavour() error {
	out, err := exec.Command(settings.binary, "trace", "--flavour", settings.flavour, "--", "true").CombinedOutput()
	switch {
	case err == nil:
		return nil
	case strings.Contains(string(out), "none of the socket hooks"):
		return absentError(fmt.Sprintf("flavour %s: %s", settings.flavour, strings.TrimSpace(string(out))))
	}
	return fmt.Errorf("tracing true: %w: %s", err, out)
}
