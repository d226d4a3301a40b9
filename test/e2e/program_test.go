package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A program is a server that can be traced, as somebody would start it.
type program struct {
	name string
	// start begins to listen on an address of the program's own; downstream is
	// whom it calls, where it can call.
	start func(r *rig, downstream string) *service
	// What the program can do; see traits.
	traits traits
}

// traits are the abilities of a program that tests use.
type traits struct {
	// ok is a path that answers 200, missing one that answers 404.
	ok, missing string
	// broken answers 500; "": the program is never at a loss.
	broken string
	// slow sleeps 50 ms.
	slow string
	// call is the path below which a request is sent on to downstream, by the
	// thread that serves.
	call string
	// forwards: the request's own traceparent is handed on as it came.
	forwards bool
	// name is the service name that the agent should find.
	name string
}

// A service is a started program.
type service struct {
	*proc
	address string // host:port, or the path of a Unix socket
}

// service starts a program and waits until it listens. Address "" is a free
// loopback port, which args holds as {port}; {address} is host:port.
func (r *rig) service(c command, address string) *service {
	r.Helper()
	if address == "" {
		address = fmt.Sprintf("127.0.0.1:%d", r.freePort())
	}
	network, port := "unix", ""
	if !strings.HasPrefix(address, "/") {
		network = "tcp"
		_, port, _ = net.SplitHostPort(address)
	}
	replace := strings.NewReplacer("{port}", port, "{address}", address, "{dir}", r.dir)
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = replace.Replace(a)
	}
	for i, e := range c.env {
		c.env[i] = replace.Replace(e)
	}
	c.args = args
	s := &service{proc: r.start(c), address: address}
	r.listening(s.proc, network, address)
	return s
}

// python is the distribution's interpreter, which has the distribution's modules.
const python = "/usr/bin/python3"

var httpServer = program{
	name: "python http.server",
	start: func(r *rig, _ string) *service {
		r.write("www/ok.txt", "ok\n")
		return r.service(command{args: []string{r.need(python), "-m", "http.server", "--bind", "127.0.0.1",
			"--directory", "{dir}/www", "{port}"}}, "")
	},
	traits: traits{ok: "/ok.txt", missing: "/missing.txt", name: "http.server"},
}

// goSelf is the test binary as a Go service: it needs no toolchain.
var goSelf = program{
	name:   "go (this binary)",
	start:  func(r *rig, downstream string) *service { return r.goService(self(), downstream, "") },
	traits: goTraits,
}

var goTraits = traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call"}

// goNet is the same service built as people build it.
var goNet = program{
	name:   "go net/http",
	start:  func(r *rig, downstream string) *service { return r.goService(builtService(r), downstream, "") },
	traits: goTraits,
}

func (r *rig) goService(binary, downstream, address string, flags ...string) *service {
	r.Helper()
	return r.service(command{args: append([]string{binary, "-listen", "{address}", "-downstream", downstream}, flags...),
		env: []string{envRole + "=" + roleService}}, address)
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err) // nothing can be tested
	}
	return path
}

// serviceBinary is built once for all tests.
var serviceBinary struct {
	once sync.Once
	path string
	err  error
}

// builtService builds goservice with the toolchain at hand.
func builtService(r *rig) string {
	r.Helper()
	serviceBinary.once.Do(func() {
		dir, err := os.MkdirTemp("", "throughline-e2e-")
		if err != nil {
			serviceBinary.err = err
			return
		}
		serviceBinary.path = filepath.Join(dir, "shop")
		build := exec.Command(r.need("go"), "build", "-buildvcs=false", "-o", serviceBinary.path, "./goservice/cmd")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			serviceBinary.err = fmt.Errorf("building goservice: %w: %s", err, out)
		}
	})
	if serviceBinary.err != nil {
		r.Fatal(serviceBinary.err)
	}
	return serviceBinary.path
}

func removeServiceBinary() {
	if serviceBinary.path != "" {
		_ = os.RemoveAll(filepath.Dir(serviceBinary.path)) // below the temporary directory
	}
}

// nginxConfig serves files, answers on its own, and is a proxy.
const nginxConfig = `daemon off;
user root;
worker_processes %d;
pid {dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  sendfile on;
  keepalive_requests 100000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  upstream kept { server %[2]s; keepalive 4; }
  server {
    listen {address};
    root {dir}/www;
    location /broken { return 500; }
    location /proxy/ { proxy_pass http://%[2]s/; }
    location /kept/ { proxy_pass http://kept/; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /streamed/ { proxy_pass http://kept/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }
  }
}
`

var nginx = program{
	name:   "nginx",
	start:  func(r *rig, downstream string) *service { return r.nginx(downstream, 1) },
	traits: traits{ok: "/ok.txt", missing: "/missing", broken: "/broken", call: "/proxy", forwards: true, name: "nginx"},
}

// nginx starts nginx with so many workers; they are its children.
func (r *rig) nginx(downstream string, workers int) *service {
	r.Helper()
	if downstream == "" {
		downstream = "127.0.0.1:9" // the discard port: nobody there
	}
	binary := r.need("nginx")
	r.write("www/ok.txt", "ok\n")
	r.write("www/large.bin", strings.Repeat("0123456789abcdef", 1<<16))
	address := fmt.Sprintf("127.0.0.1:%d", r.freePort())
	config := strings.NewReplacer("{dir}", r.dir, "{address}", address).
		Replace(fmt.Sprintf(nginxConfig, workers, downstream))
	return r.service(command{args: []string{binary, "-p", "{dir}", "-c", r.write("nginx.conf", config)}}, address)
}

// portOf gives a service's port as the command line takes it.
func (s *service) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

func (s *service) kill() {
	s.signal(syscall.SIGKILL)
	<-s.exited
}

func number(n int) string { return strconv.Itoa(n) }
