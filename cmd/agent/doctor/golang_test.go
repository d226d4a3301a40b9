package doctor

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/throughline/throughline/probes/process"
)

// program is a Go program with a server and a client, that waits to be told to end.
const program = `package main

import (
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		_ = http.ListenAndServe(os.Args[1], nil)
		_, _ = http.Get(os.Args[1])
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}
`

func TestExamineGoProgram(t *testing.T) {
	tests := []struct {
		name  string
		flags []string
		want  []string // how it was built
	}{
		{"default", nil, []string{"not stripped", "not PIE", "no cgo", "debug information"}},
		{"stripped", []string{"-ldflags=-s -w", "-buildmode=pie"}, []string{"stripped", "PIE", "no cgo", "no debug information"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := examineBuilt(t, compile(t, program, tt.flags...))
			if target.Go == nil {
				t.Fatalf("not read: %q", target.Reasons)
			}
			if got := target.Go.build(); !slices.Equal(got, tt.want) {
				t.Errorf("built: %q, want %q", got, tt.want)
			}
			for _, want := range []string{"net/http server", "net/http client"} {
				i := slices.IndexFunc(target.Go.Libraries, func(l GoLibrary) bool { return l.Name == want })
				if i < 0 || len(target.Go.Libraries[i].Probes) < 2 || !slices.Contains(target.Sources, want) {
					t.Errorf("no %s in %+v, or not in %q", want, target.Go.Libraries, target.Sources)
				}
			}
			checkForms(t, target)
		})
	}
}

// checkForms looks for a probe in both forms of the report.
func checkForms(t *testing.T, target *Target) {
	t.Helper()
	r := &Report{Target: target}
	var text, encoded bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&encoded); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Go build", "GO LIBRARIES", "net/http server  go_http_serve", "net/http.serverHandler.ServeHTTP", "does not pass through the Go libraries"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	var got struct {
		Target struct{ Go GoProgram }
	}
	if err := json.Unmarshal(encoded.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Target.Go.Libraries) == 0 {
		t.Fatalf("no libraries in\n%s", &encoded)
	}
	want := GoProbe{Program: "go_http_serve", Function: "net/http.serverHandler.ServeHTTP"}
	if p := got.Target.Go.Libraries[0].Probes[0]; p.Program != want.Program || p.Function != want.Function || p.Site == "" || p.Instruction == "" {
		t.Errorf("got %+v", p)
	}
}

// TestNoUprobes: on a host without them nothing is promised.
func TestNoUprobes(t *testing.T) {
	p, err := process.Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{}
	target.describeLibraries(p, &Report{})
	if target.Go == nil || target.probed || len(target.Sources) > 0 {
		t.Errorf("got %+v", target)
	}
	if len(target.Go.Libraries) > 0 && !strings.Contains(strings.Join(target.Reasons, "\n"), "uprobes do not work") {
		t.Errorf("no reason in %q", target.Reasons)
	}
}

// TestExamineGoWithout: a Go program with none of the libraries, and no Go program.
func TestExamineGoWithout(t *testing.T) {
	bare := compile(t, "package main\n\nfunc main() { select {} }\n")
	g, err := examineGo(bare, false)
	if err != nil || len(g.Libraries) != 0 {
		t.Fatalf("got %+v, %v", g, err)
	}
	var b strings.Builder
	g.Notes = []string{"a note"}
	g.write(&b)
	for _, want := range []string{"none that throughline probes", "- a note"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if _, err := examineGo("/bin/sh", false); err == nil {
		t.Error("/bin/sh is a Go program")
	}
}

// compile builds a program of one file and returns the executable.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "program")
	cmd := exec.Command("go", append(append([]string{"build", "-p", "1", "-o", out}, flags...), "main.go")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GO111MODULE=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, text)
	}
	return out
}

// examineBuilt runs a program and examines it, on a host that allows uprobes.
func examineBuilt(t *testing.T, path string) *Target {
	t.Helper()
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	p, err := process.Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	target, err := examineTarget(p, &Report{Checks: []Check{{Key: "uprobe", Status: OK}}, Flavour: "tracepoint"})
	if err != nil {
		t.Fatal(err)
	}
	return target
}
