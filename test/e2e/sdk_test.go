package e2e

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// askerSpan is the span that the test's requests name as their parent.
const askerSpan = "b7ad6b7169203331"

// sdkTree is what the traces of requests to sdkservice have to look like, by path: the
// SDK's spans and the agent's in one tree, neither missing one nor telling one twice.
type sdkTree map[string]string

// recorded is what all is where the SDK records spans. A caller that names its span
// makes a difference to what forwards the header alone.
var recorded = sdkTree{
	"nothing": `sdk SERVER`,
	"told":    `sdk SERVER\(sdk CLIENT\(agent SERVER\)\)`,
	"plain":   `sdk SERVER\(agent CLIENT\(agent SERVER\)\)`,
	"told2":   `sdk SERVER\(sdk CLIENT\(agent SERVER\)\)`,
	"plain2":  `sdk SERVER\(agent CLIENT\)`, // nothing is put on the wire
	"within":  `sdk SERVER\(sdk INTERNAL\(agent CLIENT\(agent SERVER\)\)\)`,
	"own":     `sdk SERVER\(sdk CLIENT\(agent SERVER\)\)`,
	"header":  `sdk SERVER\(agent CLIENT, agent SERVER\)`,
	"forward": `sdk SERVER\(agent CLIENT\(agent SERVER\)\)`,
	"lost":    `sdk SERVER\(agent CLIENT\(agent SERVER\)\)`,
	"sql":     `sdk SERVER\(agent CLIENT\)`,
	"toldsql": `sdk SERVER\(sdk CLIENT(, sdk CLIENT)*\)`,
	"rpc":     `sdk SERVER\(agent CLIENT\)`,
	"toldrpc": `sdk SERVER\(sdk CLIENT\(sdk SERVER\)\)`,
}

// with changes some of the paths.
func (t sdkTree) with(changes sdkTree) sdkTree {
	all := maps.Clone(t)
	maps.Copy(all, changes)
	return all
}

// TestSDK: what the SDK of a Go program exports the agent does not report, and what it
// does not export the agent reports with the SDK's span as its parent.
func TestSDK(t *testing.T) {
	disabled := sdkTree{
		"nothing": `agent SERVER`, "within": recordedByAgent, "own": recordedByAgent, "told": recordedByAgent, "plain": recordedByAgent,
		"header": recordedByAgent, "forward": recordedByAgent, "lost": recordedByAgent,
		"told2": `agent SERVER\(agent CLIENT\)`, "plain2": `agent SERVER\(agent CLIENT\)`,
		"sql": `agent SERVER\(agent CLIENT\)`, "toldsql": `agent SERVER\(agent CLIENT\)`,
		"rpc": `agent SERVER\(agent CLIENT\)`, "toldrpc": `agent SERVER\(agent CLIENT\)`,
	}
	for _, one := range []struct {
		name, module, sampler string
		named                 bool // the caller names its span
		want                  sdkTree
		rpcServers            int // spans that the agent tells of gRPC's server, of each call
		flags                 []string
	}{
		{"current", "go.mod", "always", false, recorded, 0, nil},
		{"current, called", "go.mod", "always", true, recorded.with(sdkTree{"forward": `agent SERVER, sdk SERVER\(agent CLIENT\)`}), 0, nil},
		{"v1.28, stripped, PIE", "versions/sdk-v1.28.0.mod", "always", true, recorded.with(sdkTree{"forward": `agent SERVER, sdk SERVER\(agent CLIENT\)`}), 0, []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{"v1.21", "versions/sdk-v1.21.0.mod", "always", false, recorded, 0, nil},
		// The header of a span that is not recorded is on the wire, in a trace of its own.
		{"not sampled", "go.mod", "never", false, disabled.with(sdkTree{"told": `agent SERVER`, "told2": `agent SERVER`, "header": `agent SERVER`}), 1, nil},
		{"not exported", "go.mod", "mute", true, disabled.with(sdkTree{
			"forward": `agent SERVER, agent SERVER\(agent CLIENT\)`,
			"told2":   recordedByAgent,
			// The SDK's header is in what nothing but the server sees.
			"toldrpc": `agent SERVER of nobody, agent SERVER\(agent CLIENT\)`,
		}), 1, nil},
		{"disabled", "go.mod", "none", false, disabled, 1, nil},
	} {
		t.Run(one.name, func(t *testing.T) {
			r := newRig(t)
			s := r.sdkService(one.module, one.sampler, one.flags...)
			// Where the SDK's sampler says no, so does the flag of what it calls.
			agent := r.startAgentIn([]string{"OTEL_TRACES_SAMPLER=always_on"}, "trace", "-o", "json", "--pid", number(s.pid()))
			agent.awaitAttached()
			asked := s.ask(2, 1, one.named)
			asked = append(asked, s.ask(20, 32, one.named)...)
			time.Sleep(time.Second) // what is too much would have come by then
			spans := agent.stop()
			told := s.told(r)
			for _, span := range spans {
				told = append(told, toldSpan{"agent", span})
			}
			checkTrees(t, told, asked, one.want)
			calls := len(asked) / len(one.want) * 2 // rpc and toldrpc
			servers := filter(spans, func(s span) bool { return s.Kind == server && s.Attributes["rpc.system.name"] != "" })
			if len(servers) != calls*one.rpcServers {
				t.Errorf("the agent tells of %d calls that gRPC served, not of %d", len(servers), calls*one.rpcServers)
			}
		})
	}
}

// TestSDKUnfinished: a request whose connection is reset is still the SDK's; one that the
// SDK dies with is told by the agent, as the span that it was.
func TestSDKUnfinished(t *testing.T) {
	r := newRig(t)
	s := r.sdkService("go.mod", "always")
	agent := r.tracePIDs(s.proc)
	for _, path := range []string{"/slow/1", "/slow/2"} {
		c, err := net.Dial("tcp", s.web)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: web\r\n\r\n", path)
		agent.await(1, ofPath(server, strings.Replace(path, "slow", "leaf", 1)))
		if path == "/slow/1" {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			poll(5*time.Second, func() bool { return len(s.told(r)) > 0 })
			time.Sleep(200 * time.Millisecond) // what is too much would have come by then
		}
	}
	s.signal(syscall.SIGKILL)
	agent.await(1, ofPath(server, "/slow/2"))
	told := s.told(r)
	for _, span := range agent.stop() {
		told = append(told, toldSpan{"agent", span})
	}
	checkTrees(t, told, []string{"/slow/1"}, recorded.with(sdkTree{"slow": recorded["plain"]}))
	checkTrees(t, told, []string{"/slow/2"}, recorded.with(sdkTree{"slow": recordedByAgent}))
	if len(told) != 6 {
		t.Errorf("%d spans:%v", len(told), told)
	}
}

const recordedByAgent = `agent SERVER\(agent CLIENT\(agent SERVER\)\)`

// checkTrees compares the trace of each request with what it has to be.
func checkTrees(t *testing.T, told []toldSpan, asked []string, want sdkTree) {
	t.Helper()
	traces := map[string][]toldSpan{}
	byPath := map[string][]string{}
	for _, s := range told {
		traces[s.Trace] = append(traces[s.Trace], s)
		if s.Kind == server {
			byPath[s.path()] = append(byPath[s.path()], s.Trace)
		}
	}
	wrong := map[string]int{}
	for _, path := range asked {
		name := strings.Split(path, "/")[1]
		if len(byPath[path]) != 1 {
			wrong[fmt.Sprintf("%s: %d SERVER spans", name, len(byPath[path]))]++
			continue
		}
		got := treeOf(traces[byPath[path][0]])
		if !regexp.MustCompile("^" + want[name] + "$").MatchString(got) {
			wrong[fmt.Sprintf("%s: %s instead of %s", name, got, want[name])]++
		}
	}
	for text, n := range wrong {
		t.Errorf("%d of %d requests: %s", n, len(asked), text)
	}
}

// toldSpan is a span and who told of it.
type toldSpan struct {
	source string
	span
}

// treeOf writes a trace: each span with its children in brackets. Those whose parent is
// not in the trace stand beside each other; but if the parent is not the test's own span
// either, it is written.
func treeOf(spans []toldSpan) string {
	known := map[string]bool{}
	for _, s := range spans {
		known[s.ID] = true
	}
	var under func(parent string) []string
	under = func(parent string) []string {
		var all []string
		for _, s := range spans {
			text := s.source + " " + map[int]string{1: "INTERNAL", server: "SERVER", client: "CLIENT"}[s.Kind]
			switch {
			case s.Parent == parent && parent != "":
			case parent == "" && !known[s.Parent]:
				if s.Parent != "" && s.Parent != askerSpan {
					text += " of nobody"
				}
			default:
				continue
			}
			if below := under(s.ID); len(below) > 0 {
				text += "(" + strings.Join(below, ", ") + ")"
			}
			all = append(all, text)
		}
		slices.Sort(all)
		return all
	}
	return strings.Join(under(""), ", ")
}

// sdkService is test/e2e/sdkservice.
type sdkService struct {
	*proc
	web, spans string
}

// sdkService builds the service with the versions of a module file, and starts it.
func (r *rig) sdkService(module, sampler string, flags ...string) *sdkService {
	r.Helper()
	binary := r.path("sdkservice")
	build := exec.Command(r.need("go"), append([]string{"build", "-buildvcs=false", "-modfile", module, "-o", binary}, flags...)...)
	build.Dir = "sdkservice"
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		r.Fatalf("building sdkservice: %v: %s", err, out)
	}
	address := func() string { return fmt.Sprintf("127.0.0.1:%d", r.freePort()) }
	s := &sdkService{web: address(), spans: r.path("sdk.txt")}
	s.proc = r.start(command{args: []string{binary, "-http", s.web, "-plain", address(), "-grpc", address(), "-spans", s.spans, "-sampler", sampler}})
	r.listening(s.proc, "tcp", s.web)
	return s
}

// askedSoFar tells requests apart: it is the last part of their paths.
var askedSoFar int

// ask sends so many requests of each path, so many at a time. It returns their paths.
func (s *sdkService) ask(each, atATime int, named bool) []string {
	var paths []string
	for range each {
		for name := range recorded {
			askedSoFar++
			paths = append(paths, "/"+name+"/"+strconv.Itoa(askedSoFar))
		}
	}
	todo := make(chan string)
	var wait sync.WaitGroup
	for range atATime {
		wait.Go(func() {
			for path := range todo {
				request, err := http.NewRequest(http.MethodGet, "http://"+s.web+path, nil)
				if err != nil {
					panic(err) // a path of our own
				}
				if named {
					request.Header.Set("Traceparent", fmt.Sprintf("00-%s%016s-%s-01", askerSpan, filepath.Base(path), askerSpan))
				}
				if response, err := http.DefaultClient.Do(request); err == nil {
					io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			}
		})
	}
	for _, path := range paths {
		todo <- path
	}
	close(todo)
	wait.Wait()
	return paths
}

// told reads what the SDK exported.
func (s *sdkService) told(r *rig) []toldSpan {
	r.Helper()
	file, err := os.Open(filepath.Clean(s.spans))
	if err != nil {
		r.Fatal(err)
	}
	defer file.Close()
	var all []toldSpan
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		kind, err := strconv.Atoi(words[3])
		if err != nil || len(words) != 5 {
			r.Fatalf("%q is no span", lines.Text())
		}
		if strings.Trim(words[2], "0") == "" {
			words[2] = ""
		}
		all = append(all, toldSpan{"sdk", span{Trace: words[0], ID: words[1], Parent: words[2], Kind: kind,
			Attributes: map[string]string{"url.path": words[4]}}})
	}
	return all
}
