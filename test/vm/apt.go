package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// mirrors are the addresses that this machine takes Debian from.
type mirrors struct {
	codename       string // of this machine's own release
	main, security string
}

func findMirrors(ctx context.Context) (m mirrors, err error) {
	if m.codename, err = codename("/etc/os-release"); err != nil {
		return m, err
	}
	out, err := output(ctx, nil, "apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages")
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(out) {
		release, site, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch release {
		case m.codename:
			m.main = site
		case m.codename + "-security":
			m.security = site
		}
	}
	if m.main == "" {
		return m, fmt.Errorf("finding a mirror: apt knows none for %s (apt-get update makes it known)", m.codename)
	}
	return m, nil
}

func codename(osRelease string) (string, error) {
	b, err := os.ReadFile(osRelease)
	if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`), nil
		}
	}
	return "", fmt.Errorf("reading %s: no VERSION_CODENAME", osRelease)
}

// apt is a private apt: its own suites and its own state, nothing of the
// machine's but the mirrors' addresses.
type apt struct {
	env []string
}

// suites hold the kernels of the matrix.
var suites = []struct {
	name     string
	security bool
}{
	{"bullseye", false}, {"bullseye-security", true},
	{"bookworm", false}, {"bookworm-security", true},
	{"sid", false},
}

func newApt(ctx context.Context, dir string) (*apt, error) {
	m, err := findMirrors(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	var sources strings.Builder
	for _, s := range suites {
		site := m.main
		if s.security {
			site = m.security
		}
		if site != "" {
			fmt.Fprintf(&sources, "deb [arch=amd64 signed-by=%s] %s %s main\n", keyring, site, s.name)
		}
	}
	conf := fmt.Sprintf(`Dir::State "%[1]s";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Languages "none";
APT::Sandbox::User "root";
`, dir)
	for name, text := range map[string]string{"sources.list": sources.String(), "apt.conf": conf, "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	a := &apt{env: append(os.Environ(), "APT_CONFIG="+filepath.Join(dir, "apt.conf"))}
	if _, err := output(ctx, a.env, "apt-get", "update", "-qq"); err != nil {
		return nil, err
	}
	return a, nil
}

// names lists the packages whose names match an extended regular expression.
func (a *apt) names(ctx context.Context, pattern string) ([]string, error) {
	out, err := output(ctx, a.env, "apt-cache", "search", "--names-only", pattern)
	var names []string
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names, err
}

// extract downloads packages and unpacks them into dir.
func (a *apt) extract(ctx context.Context, dir string, packages ...string) error {
	debs, err := os.MkdirTemp(filepath.Dir(dir), "debs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-qq"}, packages...)...)
	cmd.Dir, cmd.Env = debs, a.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("downloading %s: %w: %s", strings.Join(packages, " "), err, bytes.TrimSpace(out))
	}
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range files {
		if _, err := output(ctx, nil, "dpkg-deb", "-x", deb, dir); err != nil {
			return err
		}
	}
	return nil
}

// output runs a program and returns what it printed; a failure carries its last words.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		words := said.String()
		return "", fmt.Errorf("running %s: %w: %s", name, err, strings.TrimSpace(words[max(0, len(words)-2000):]))
	}
	return string(out), nil
}
