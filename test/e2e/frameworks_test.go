package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// frameworkBinaries are the programs of ./frameworks, a module of its own, each
// built once for all tests.
var frameworkBinaries struct {
	sync.Mutex
	dir string
}

// framework builds a program of ./frameworks with the toolchain at hand.
func (r *rig) framework(name string) string {
	r.Helper()
	b := &frameworkBinaries
	b.Lock()
	defer b.Unlock()
	if b.dir == "" {
		var err error
		if b.dir, err = os.MkdirTemp("", "throughline-e2e-"); err != nil {
			r.Fatal(err)
		}
	}
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	build := exec.Command(r.need("go"), "build", "-buildvcs=false", "-o", path, "./"+name)
	build.Dir = "frameworks"
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		r.Fatal(fmt.Errorf("building %s: %w: %s", name, err, out))
	}
	return path
}

func removeFrameworkBinaries() {
	if dir := frameworkBinaries.dir; dir != "" {
		_ = os.RemoveAll(dir) // below the temporary directory
	}
}
