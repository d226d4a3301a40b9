package probes

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

type closer struct{ closed bool }

func (c *closer) Close() error { c.closed = true; return nil }

// TestForgetGone: a cgroup that was removed, or made anew, is let go.
func TestForgetGone(t *testing.T) {
	dir := t.TempDir()
	i := &cgroupHook{log: slog.New(slog.DiscardHandler), cgroups: map[uint64]cgroup{}, refused: map[uint64]string{}}
	links := map[string]*closer{}
	for _, name := range []string{"stays", "goes", "renewed"} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		id, err := inode(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "renewed" {
			id += 1 << 32 // the inode that the path had before
		}
		links[name] = &closer{}
		i.cgroups[id], i.refused[id] = cgroup{path, links[name]}, path
	}
	if err := os.Remove(filepath.Join(dir, "goes")); err != nil {
		t.Fatal(err)
	}
	i.forgetGone()
	if links["stays"].closed || !links["goes"].closed || !links["renewed"].closed {
		t.Errorf("closed: %+v %+v %+v", links["stays"], links["goes"], links["renewed"])
	}
	if len(i.cgroups) != 1 || len(i.refused) != 1 {
		t.Errorf("%d attached and %d refused are left, want 1 and 1", len(i.cgroups), len(i.refused))
	}
}

// TestCovers: a program that hangs on a cgroup runs for those below it, and no others.
func TestCovers(t *testing.T) {
	dir := t.TempDir()
	mkdir := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	outer := mkdir("shop")
	id, err := inode(outer)
	if err != nil {
		t.Fatal(err)
	}
	h := &cgroupHook{cgroups: map[uint64]cgroup{id: {outer, &closer{}}}}
	for name, want := range map[string]bool{"shop": true, "shop/web": true, "shop/web/1": true, "shop2": false, "": false} {
		if got := h.covers(mkdir(name)); got != want {
			t.Errorf("%q is covered: %v, want %v", name, got, want)
		}
	}
	h.cgroups = map[uint64]cgroup{id + 1: {outer, &closer{}}} // it was made anew
	if h.covers(outer) {
		t.Error("a cgroup that is no more covers one")
	}
}
