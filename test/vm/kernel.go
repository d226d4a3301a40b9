package main

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// needed are the modules that reach the root disk. One that a kernel does not
// have as a module is built in.
var needed = []string{"virtio_pci", "virtio_blk", "ext4"}

// kernel is an unpacked kernel package.
type kernel struct {
	release string
	image   string
	modules []module // in the order of loading
}

type module struct {
	name string
	data []byte
}

// findKernel gives the newest cached kernel of a version, or downloads one.
func findKernel(ctx context.Context, cache, version string) (k kernel, err error) {
	dir := filepath.Join(cache, "kernel", version)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := download(ctx, cache, dir, version); err != nil {
			return k, fmt.Errorf("fetching a kernel %s: %w", version, err)
		}
	}
	return readKernel(ctx, dir)
}

func download(ctx context.Context, cache, dir, version string) error {
	a, err := newApt(ctx, filepath.Join(cache, "apt"))
	if err != nil {
		return err
	}
	names, err := a.names(ctx, `^linux-(image|binary|modules)-`+regexp.QuoteMeta(version)+`\..*cloud-amd64$`)
	if err != nil {
		return err
	}
	sets := packageSets(names)
	if len(sets) == 0 {
		return errors.New("no suite has one")
	}
	// A mirror may list what it has not yet, or no longer: then the one before it.
	var failures []error
	for _, set := range sets[:min(3, len(sets))] {
		unpacked := dir + ".new"
		if err := os.RemoveAll(unpacked); err != nil {
			return err
		}
		if err := os.MkdirAll(unpacked, 0o755); err != nil {
			return err
		}
		if err := a.extract(ctx, unpacked, set...); err != nil {
			failures = append(failures, err)
			continue
		}
		return os.Rename(unpacked, dir)
	}
	return errors.Join(failures...)
}

// packageSets groups package names by kernel release, newest first: an image
// alone, or what replaced it, the image's binary and its modules.
func packageSets(names []string) [][]string {
	parts := map[string]map[string]string{}
	for _, name := range names {
		kind, release, _ := strings.Cut(strings.TrimPrefix(name, "linux-"), "-")
		// Names without a full release are metapackages; deb11 marks backports.
		if strings.Count(release, ".") < 2 || strings.Contains(release, ".deb11.") {
			continue
		}
		if parts[release] == nil {
			parts[release] = map[string]string{}
		}
		parts[release][kind] = name
	}
	var releases []string
	for release := range parts {
		releases = append(releases, release)
	}
	slices.SortFunc(releases, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
	var sets [][]string
	for _, release := range releases {
		switch p := parts[release]; {
		case p["binary"] != "" && p["modules"] != "":
			sets = append(sets, []string{p["binary"], p["modules"]})
		case p["image"] != "":
			sets = append(sets, []string{p["image"]})
		}
	}
	return sets
}

var digits = regexp.MustCompile(`\d+`)

// numbers are the numbers in a release, for comparing two.
func numbers(release string) []int {
	var ns []int
	for _, d := range digits.FindAllString(release, -1) {
		n, _ := strconv.Atoi(d)
		ns = append(ns, n)
	}
	return ns
}

func readKernel(ctx context.Context, dir string) (k kernel, err error) {
	files := map[string]string{} // module name -> path
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch base, suffix, _ := strings.Cut(name, "."); {
		case err != nil || d.IsDir():
			return err
		case base == "vmlinuz" || strings.HasPrefix(base, "vmlinuz-"):
			k.image = path
		case suffix == "ko" || strings.HasPrefix(suffix, "ko."):
			files[strings.ReplaceAll(base, "-", "_")] = path
			if k.release == "" {
				_, below, _ := strings.Cut(path, "/lib/modules/")
				k.release, _, _ = strings.Cut(below, "/")
			}
		}
		return nil
	})
	if err != nil {
		return k, err
	}
	if k.image == "" || k.release == "" {
		return k, fmt.Errorf("reading %s: no kernel in it", dir)
	}
	for _, name := range needed {
		if err := k.addModule(ctx, files, name); err != nil {
			return k, err
		}
	}
	return k, nil
}

// addModule adds a module after those that it depends on.
func (k *kernel) addModule(ctx context.Context, files map[string]string, name string) error {
	path := files[name]
	if path == "" || slices.ContainsFunc(k.modules, func(m module) bool { return m.name == name }) {
		return nil
	}
	data, err := readModule(ctx, path)
	if err != nil {
		return err
	}
	depends, err := dependencies(data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for _, d := range depends {
		if err := k.addModule(ctx, files, d); err != nil {
			return err
		}
	}
	k.modules = append(k.modules, module{name, data})
	return nil
}

func readModule(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasSuffix(path, ".xz") {
		return os.ReadFile(path)
	}
	return exec.CommandContext(ctx, "xz", "-dc", path).Output()
}

// dependencies reads the "depends" of a module's .modinfo section.
func dependencies(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for field := range strings.SplitSeq(string(info), "\x00") {
		if names, ok := strings.CutPrefix(field, "depends="); ok && names != "" {
			return strings.Split(strings.ReplaceAll(names, "-", "_"), ","), nil
		}
	}
	return nil, nil
}
