package main

import (
	"strings"
	"testing"
	"time"
)

// TestReport: whatever is wrong with a trial makes the run fail.
func TestReport(t *testing.T) {
	made := func(name string, change func(*trial)) *trial {
		m, err := find(name)
		if err != nil {
			t.Fatal(err)
		}
		x := &trial{mode: m, client: newTally(), server: newTally(), took: time.Second, deaths: 3}
		x.client.add("keep-alive", counts{Streams: 1, Requests: 100})
		x.server.add("keep-alive", counts{Headers: 95, Blocks: 95})
		change(x)
		return x
	}
	client := func(c counts) func(*trial) {
		return func(x *trial) { x.client.add("body", c) }
	}
	for _, c := range []struct {
		name string
		made *trial
		want string // "": all is well
	}{
		{"well", made("headers", func(*trial) {}), ""},
		{"EAGAIN", made("off", client(counts{Again: 1, Streams: 1})), "EAGAIN"},
		{"EAGAIN that is known", made("headers", client(counts{Again: 1, Streams: 1})), ""},
		{"notices", made("off", client(counts{Notices: 1, Streams: 1})), "MSG_ZEROCOPY"},
		{"notices that are known", made("nonblocking", client(counts{Notices: 1, Streams: 1})), ""},
		{"FIONREAD", made("off", client(counts{Untold: 1, Streams: 1})), "FIONREAD"},
		{"FIONREAD that is known", made("headers", client(counts{Untold: 1, Streams: 1})), ""},
		{"no headers", made("headers", func(x *trial) { x.server = newTally() }), "nothing is shown"},
		{"nothing", made("off", func(x *trial) { x.client = newTally() }), "nothing was sent"},
		{"too few deaths", made("killed", func(x *trial) { x.deaths = 2 }), "killed 2 times"},
		{"a fault of the server", made("off", func(x *trial) { x.server.blame(7, "body", "server", breaches(hung, "x")) }), "1 hang"},
		{"a fault of the client", made("off", func(x *trial) { x.client.blame(7, "body", "client", breaches(different, "x")) }), "1 conversations differ"},
		{"a fault of both", made("off", func(x *trial) {
			x.client.blame(7, "body", "client", breaches(failed, "x"))
			x.server.blame(7, "body", "server", breaches(different, "y"))
		}), "1 conversations differ, 0 hang, 0 failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := &report{out: &out, options: &options{seed: 7, deaths: 3}}
			r.print(*c.made)
			err := r.finish()
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v instead of %q:\n%s", err, c.want, out.String())
			}
			if len(c.made.faults()) > 0 && !strings.Contains(out.String(), "-modes "+c.made.mode.name+" -seed 7 -stream 7 (body)") {
				t.Errorf("it does not say how to do it again:\n%s", out.String())
			}
		})
	}
	if err := (&report{}).finish(); err == nil {
		t.Error("nothing was tried, and that is good")
	}
}

func TestChoose(t *testing.T) {
	o := options{requests: 1, flight: 1, deaths: 1}
	if err := o.choose("headers,off", "body"); err != nil || len(o.modes) != 2 || o.modes[0].name != "headers" || len(o.kinds) != 1 {
		t.Errorf("%v: %+v", err, o)
	}
	for _, bad := range [][2]string{{"nothing", ""}, {"", "nothing"}} {
		if err := (&options{requests: 1, flight: 1, deaths: 1}).choose(bad[0], bad[1]); err == nil {
			t.Errorf("%q is known", bad)
		}
	}
	if err := (&options{}).choose("", ""); err == nil {
		t.Error("no request is enough")
	}
}
