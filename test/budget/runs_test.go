package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

func TestProgramID(t *testing.T) {
	tests := []struct {
		info string
		want ebpf.ProgramID
		ok   bool
	}{
		{"pos:\t0\nprog_type:\t2\nprog_id:\t4711\nrun_cnt:\t0\n", 4711, true},
		{"link_type:\tuprobe_multi\nprog_tag:\tx\nprog_id:\t12\n", 12, true},
		{"pos:\t0\nmap_id:\t3\n", 0, false},
		{"prog_id:\tx\n", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		if got, ok := programID(strings.NewReader(tt.info)); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %d, %v", tt.info, got, ok)
		}
	}
}

func TestDifference(t *testing.T) {
	before := map[uint32]runs{1: {"b", 50, 500}, 2: {"idle", 50, 500}}
	after := map[uint32]runs{1: {"b", 150, 1700}, 2: {"idle", 50, 500}, 3: {"a", 7, 70}}
	want := []runs{{"a", 7, 70}, {"b", 100, 1200}}
	if got := difference(before, after); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
