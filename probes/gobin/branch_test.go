package gobin

import (
	"errors"
	"testing"
)

const (
	getConn     = "net/http.(*Transport).getConn"
	persistTrip = "net/http.(*persistConn).roundTrip"
	queueDial   = "net/http.(*Transport).queueForDial"
)

// TestBranchBehind: net/http's transport tests the error of both calls, and keeps
// its request on the stack, in each build.
func TestBranchBehind(t *testing.T) {
	for _, b := range builds() {
		t.Run(b.name, func(t *testing.T) {
			f := open(t, compile(t, b))
			found, err := f.Functions([]string{roundTrip, getConn, persistTrip, finish})
			if err != nil || len(found) != 4 {
				t.Fatalf("found %d of 4 functions: %v", len(found), err)
			}
			asked, err := f.BranchBehind(found[roundTrip], found[getConn], 0)
			if err != nil {
				t.Fatal(err)
			}
			answered, err := f.BranchBehind(found[roundTrip], found[persistTrip], 0)
			if err != nil {
				t.Fatal(err)
			}
			slot, err := asked.Slot(1)
			t.Logf("%s at +%#x, %s at +%#x, request at %d(sp)", asked.Instruction, asked.Address-found[roundTrip].Address,
				answered.Instruction, answered.Address-found[roundTrip].Address, slot)
			if err != nil || slot == 0 || asked.Class != Emulated || answered.Class != Emulated || asked.Offset >= answered.Offset {
				t.Errorf("request kept at %d(sp): %v; %+v, %+v", slot, err, asked.Site, answered.Site)
			}
			if _, err := f.BranchBehind(found[finish], found[getConn], 0); !errors.Is(err, ErrNoSite) {
				t.Errorf("a call that is not there: %v", err)
			}
		})
	}
}

// TestBranchBehindAddress: what computes an address on the way to the branch is passed
// over if it leaves the results alone that are asked for.
func TestBranchBehindAddress(t *testing.T) {
	code := func(writes register) []instruction {
		return []instruction{{flow: flowCall}, {addresses: true, writes: writes}, {passive: true}, {flow: flowBranch, emulated: true}}
	}
	for _, c := range []struct {
		writes  register
		results int
		want    bool
	}{{5, 2, true}, {0, 2, true}, {2, 2, false}, {1, 2, false}, {5, 5, false}, {5, 0, false}, {0, 0, false}} {
		if at, ok := branchBehind(code(c.writes), 1, c.results); ok != c.want || ok && at != 3 {
			t.Errorf("register %d, %d results: %d, %v", c.writes, c.results, at, ok)
		}
	}
}
