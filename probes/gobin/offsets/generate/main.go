// Command generate writes probes/gobin/offsets/offsets.txt: it builds small
// programs with each version of Go and of the modules in versions.txt, and reads
// the offsets of the fields in fields.txt from their debug information. It fetches
// toolchains and modules through the module proxy.
//
//	go generate ./probes/gobin/offsets
//
// It takes half an hour the first time. With -missing it takes up where it ended, or adds
// the versions that were added to versions.txt.
package main

import (
	"bytes"
	"cmp"
	"embed"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throughline/throughline/probes/gobin"
	"github.com/throughline/throughline/probes/gobin/offsets"
)

//go:embed fields.txt
var fieldsText string

//go:embed versions.txt
var versionsText string

//go:embed testdata
var programs embed.FS

func main() {
	out := flag.String("o", "offsets.txt", "the file to write")
	missing := flag.Bool("missing", false, "keep what the table has, and build only the versions that it lacks")
	flag.Parse()
	if err := run(*out, *missing); err != nil {
		log.Fatal(err)
	}
}

func run(out string, missing bool) error {
	fields, err := parseFields(fieldsText)
	if err != nil {
		return err
	}
	all, err := parseVersions(versionsText)
	if err != nil {
		return err
	}
	seen := offsets.Readings{}
	if missing {
		old, err := offsets.Load()
		if err != nil {
			return err
		}
		seen = old.Readings()
	}
	for _, p := range all {
		for _, version := range p.versions {
			if _, ok := seen[p.module][version]; ok {
				continue
			}
			if err := read(p, version, fields, seen); err != nil {
				return fmt.Errorf("reading %s of %s: %w", p.module, version, err)
			}
			// Each version takes a minute: what was read is not lost if the next fails.
			if err := write(out, seen); err != nil {
				return err
			}
		}
	}
	return write(out, seen)
}

func write(out string, seen offsets.Readings) error {
	var b bytes.Buffer
	if err := offsets.Write(&b, seen); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// read builds a program, and adds what its debug information says of each module
// in it.
func read(p program, version string, fields map[string][]gobin.Field, seen offsets.Readings) error {
	dir, err := os.MkdirTemp("", "offsets")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(dir, p, version); err != nil {
		return err
	}
	f, err := gobin.OpenFile(filepath.Join(dir, "program"))
	if err != nil {
		return err
	}
	defer f.Close()
	versions := map[string]string{}
	if p.module == offsets.Std {
		versions[p.module] = version
	}
	for module := range fields {
		// A module that comes along is not used as much as by a program of its own.
		if m, ok := f.Module(module); ok && (module == p.module || p.module == "google.golang.org/grpc" && strings.HasPrefix(module, "google.golang.org/genproto")) {
			versions[module] = m.Version
		}
	}
	for module, version := range versions {
		found, err := f.FieldOffsets(fields[module])
		if err != nil {
			return err
		}
		if seen[module] == nil {
			seen[module] = map[string]map[gobin.Field]uint64{}
		}
		seen[module][version] = found
		log.Printf("%s %s: %d of %d fields", module, version, len(found), len(fields[module]))
	}
	return nil
}

// build builds a program in a folder.
func build(dir string, p program, version string) error {
	folder := path.Join("testdata", p.name)
	err := fs.WalkDir(programs, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := programs.ReadFile(name)
		return cmp.Or(err, os.WriteFile(filepath.Join(dir, path.Base(name)), b, 0o644))
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/program\n\ngo 1.18\n"), 0o644); err != nil {
		return err
	}
	toolchain := "local"
	if p.module == offsets.Std {
		toolchain = version
	} else if err := command(dir, toolchain, "get", p.module+"@"+version); err != nil {
		return err
	} else if err := command(dir, toolchain, "mod", "tidy"); err != nil {
		return err
	}
	return command(dir, toolchain, "build", "-o", "program", ".")
}

func command(dir, toolchain string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(slices.Clone(os.Environ()), "GOTOOLCHAIN="+toolchain, "GOFLAGS=-mod=mod", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOWORK=off")
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &text
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, text.Bytes())
	}
	return nil
}
