package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	f := func(want string, wantPassed bool, events ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "events.json")
		if err := os.WriteFile(file, []byte(strings.Join(events, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		passed, err := summarise(&b, []string{file})
		if err != nil || passed != wantPassed || b.String() != want {
			t.Errorf("summarise says %t, %v and\n%s\nwant %t and\n%s", passed, err, b.String(), wantPassed, want)
		}
	}
	event := func(action, test, output string) string {
		return `{"Action":"` + action + `","Package":"p","Test":"` + test + `","Output":"` + output + `"}`
	}
	f("0 passed, 0 failed, 0 skipped\n", true)
	f("  kprobe     1 passed on this kernel\n  skipped    p TestA/fentry: no fentry here\n1 passed, 0 failed, 1 skipped\n", true,
		event("run", "TestA", ""), event("run", "TestA/kprobe", ""), event("run", "TestA/fentry", ""),
		event("output", "TestA/fentry", `no fentry here\n`), event("skip", "TestA/fentry", ""),
		event("pass", "TestA/kprobe", ""), event("pass", "TestA", ""), event("pass", "", ""))
	f("  failed     p TestA\n0 passed, 1 failed, 0 skipped\n", false,
		event("run", "TestA", ""), event("fail", "TestA", ""), event("fail", "", ""))
	f("  failed     p\n0 passed, 1 failed, 0 skipped\n", false, event("fail", "", ""))
}
