package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// A downstream is the server that traced programs call. It lives in the test,
// is no target, and notes each request.
type downstream struct {
	*httptest.Server

	mu   sync.Mutex
	seen []arrival
}

// An arrival is a request as it came over the wire.
type arrival struct {
	path    string
	parents []string // every traceparent
}

// newDownstream serves /PATH; below /slow/ it takes its time.
func (r *rig) newDownstream() *downstream {
	d := &downstream{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		d.mu.Lock()
		d.seen = append(d.seen, arrival{q.URL.Path, q.Header.Values("Traceparent")})
		d.mu.Unlock()
		if strings.HasPrefix(q.URL.Path, "/slow/") {
			time.Sleep(20 * time.Millisecond)
		}
		fmt.Fprintln(w, q.URL.Path, strings.Join(q.Header.Values("Traceparent"), ","))
	}))
	r.Cleanup(d.Close)
	return d
}

// address is host:port.
func (d *downstream) address() string { return d.Listener.Addr().String() }

func (d *downstream) port() string {
	_, port, _ := net.SplitHostPort(d.address())
	return port
}

// arrivals are the requests for a path.
func (d *downstream) arrivals(path string) []arrival {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []arrival
	for _, a := range d.seen {
		if a.path == path {
			found = append(found, a)
		}
	}
	return found
}

// carried fails the test unless the path was asked for once, with the span's
// own identity on the wire.
func (d *downstream) carried(r *rig, path string, s span) {
	r.Helper()
	a := d.arrivals(path)
	if len(a) != 1 {
		r.Errorf("%s was asked for %d times downstream", path, len(a))
		return
	}
	want := "00-" + s.Trace + "-" + s.ID + "-"
	if len(a[0].parents) != 1 || !strings.HasPrefix(a[0].parents[0], want) {
		r.Errorf("%s came with traceparent %q, and the span is %s", path, a[0].parents, s)
	}
}
