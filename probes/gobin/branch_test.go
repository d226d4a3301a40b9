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
			asked, err := f.BranchBehind(found[roundTrip], found[getConn])
			if err != nil {
				t.Fatal(err)
			}
			answered, err := f.BranchBehind(found[roundTrip], found[persistTrip])
			if err != nil {
				t.Fatal(err)
			}
			slot, err := asked.Slot(1)
			t.Logf("%s at +%#x, %s at +%#x, request at %d(sp)", asked.Instruction, asked.Address-found[roundTrip].Address,
				answered.Instruction, answered.Address-found[roundTrip].Address, slot)
			if err != nil || slot == 0 || asked.Class != Emulated || answered.Class != Emulated || asked.Offset >= answered.Offset {
				t.Errorf("request kept at %d(sp): %v; %+v, %+v", slot, err, asked.Site, answered.Site)
			}
			if _, err := f.BranchBehind(found[finish], found[getConn]); !errors.Is(err, ErrNoSite) {
				t.Errorf("a call that is not there: %v", err)
			}
		})
	}
}
