package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// rootPackages are what the root has beside Debian's minimal base.
var rootPackages = []string{"ca-certificates", "curl", "iproute2", "nginx-light", "procps", "python3"}

const rootSize = "1500M"

// rootImage gives the ext4 image of the machines' root, made once per
// description: a change of packages or release makes another.
func rootImage(ctx context.Context, cache string) (string, error) {
	release, err := codename("/etc/os-release")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(release + rootSize + strings.Join(rootPackages, ",")))
	image := filepath.Join(cache, fmt.Sprintf("root-%x.ext4", sum[:4]))
	if _, err := os.Stat(image); !errors.Is(err, fs.ErrNotExist) {
		return image, err
	}
	m, err := findMirrors(ctx)
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "root.new")
	defer os.RemoveAll(root)
	if err := os.RemoveAll(root); err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "vm: making the root image (once)")
	if _, err := output(ctx, nil, "debootstrap", "--variant=minbase",
		"--include="+strings.Join(rootPackages, ","), m.codename, root, m.main); err != nil {
		return "", err
	}
	for _, dir := range []string{"var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			return "", err
		}
	}
	// No loop device, no mount; and no feature that the oldest kernel lacks.
	if _, err := output(ctx, nil, "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0",
		"-O", "^orphan_file,^metadata_csum,^metadata_csum_seed,^has_journal",
		"-d", root, image+".new", rootSize); err != nil {
		return "", err
	}
	return image, os.Rename(image+".new", image)
}

// buildGuest builds the machines' init, static, from the working directory's module.
func buildGuest(ctx context.Context, path string) error {
	_, err := output(ctx, append(os.Environ(), "CGO_ENABLED=0"),
		"go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./test/vm/guest")
	return err
}
