package doctor

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throughline/throughline/probes/process"
)

// openDescriptors lists what the descriptors of a process refer to.
func openDescriptors(p *process.Process) []string {
	entries, err := os.ReadDir(p.Path("fd"))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if link, err := os.Readlink(filepath.Join(p.Path("fd"), e.Name())); err == nil {
			out = append(out, link)
		}
	}
	return out
}

// recogniseSDK says by what an OpenTelemetry SDK shows in a process, "" when by
// nothing.
func recogniseSDK(p *process.Process, descriptors []string) string {
	isAgent := func(s string) bool { return strings.Contains(strings.ToLower(path.Base(s)), "opentelemetry") }
	for _, arg := range p.Args {
		agent, isOption := strings.CutPrefix(arg, "-javaagent:")
		if isOption && isAgent(agent) || path.Base(arg) == "opentelemetry-instrument" || strings.Contains(arg, "@opentelemetry/") {
			return "its command line"
		}
	}
	if i := slices.IndexFunc(descriptors, isAgent); i >= 0 {
		return "the open file " + path.Base(descriptors[i])
	}
	if i := slices.IndexFunc(p.Libraries, func(l process.Library) bool { return isAgent(l.Path) }); i >= 0 {
		return "the library " + path.Base(p.Libraries[i].Path)
	}
	if p.Runtime.Kind == "go" && linksSDK(p.ExecutableHandle()) {
		return "the module go.opentelemetry.io/otel/sdk in its executable"
	}
	for name := range p.Env {
		switch {
		case name == "OTEL_SERVICE_NAME", name == "OTEL_RESOURCE_ATTRIBUTES", name == "OTEL_SDK_DISABLED":
			// names the service; says nothing of an SDK
		case strings.HasPrefix(name, "OTEL_"):
			return "the variable " + name + " of its environment"
		}
	}
	return ""
}

// linksSDK says whether a Go program was built with the OpenTelemetry SDK.
func linksSDK(path string) (links bool) {
	defer func() {
		if recover() != nil {
			links = false // the reader is not hardened against hostile files
		}
	}()
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return false
	}
	for _, m := range info.Deps {
		if m.Path == "go.opentelemetry.io/otel/sdk" {
			return true
		}
	}
	return false
}

// reasons lists why a process may show nothing, or less than expected.
func (t *Target) reasons(p *process.Process, r *Report, sockets []process.Socket, descriptors []string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.Flavour == "" {
		say("This host allows no way to watch sockets: see what is missing above.")
	}
	if !t.is64 {
		say("It is a 32-bit program: its system calls pass buffers in another form, which throughline does not read; run a 64-bit build.")
	}
	if len(sockets) == 0 {
		say("It holds no TCP or Unix stream socket: nothing is seen until it listens or connects.")
	} else if len(t.Listening) == 0 {
		say("It listens on no socket: it can show requests that it makes, and none that it serves.")
	}
	for _, s := range sockets {
		if name := portName(port(s)); name != "" {
			say("Port %d usually speaks %s, which is %s.", port(s), name, choose(t.probed, "shown only as far as it passes through the Go libraries above", "not shown"))
			break
		}
	}
	for _, l := range t.Libraries {
		if isTLS(l) {
			say("It has loaded %s: what it sends and receives through TLS is encrypted at the socket and not shown.", l)
			break
		}
	}
	if slices.ContainsFunc(descriptors, func(d string) bool { return strings.Contains(d, "[io_uring]") }) {
		say("It uses io_uring: transfers made through it are counted, and their contents are not seen.")
	}
	if t.Go != nil && t.Go.SDK {
		say("Its OpenTelemetry SDK exports spans of its own: what they tell of is not shown once more, and the rest has them as parents.")
	} else if t.SDK != "" {
		say("It seems to have an OpenTelemetry SDK in it (by %s): the requests that it traces itself are shown here as well.", t.SDK)
	}
	if _, err := process.ParseResourceAttributes(p.Env["OTEL_RESOURCE_ATTRIBUTES"]); err != nil {
		say("Its OTEL_RESOURCE_ATTRIBUTES is ignored as a whole: %v.", err)
	}
	switch {
	case !r.Injection || t.Injection:
	case p.CgroupDir == "" && p.Cgroup != "/":
		say("Its cgroup %s lies outside the hierarchy that throughline sees: no traceparent header is put into its requests; start throughline in the host's cgroup namespace.", p.Cgroup)
	default:
		say("It runs in the root cgroup, where throughline never attaches: no traceparent header is put into its requests; start it in a cgroup of its own (systemd-run --scope COMMAND).")
	}
	say("Only HTTP/1.x in plain text is shown%s: HTTP/2, gRPC and other protocols are not.", choose(t.probed, " of what does not pass through the Go libraries above", ""))
	return out
}

// port returns the service's port: of a connection the lower, which is seldom the
// caller's.
func port(s process.Socket) uint16 {
	if s.Listening || s.Unix {
		return s.Local.Port()
	}
	return min(s.Local.Port(), s.Remote.Port())
}

func portName(port uint16) string {
	return map[uint16]string{
		22: "SSH", 25: "SMTP", 53: "DNS", 443: "TLS", 6443: "TLS", 8443: "TLS", 1433: "SQL Server's protocol", 2379: "gRPC",
		3306: "MySQL's protocol", 4317: "gRPC", 5432: "PostgreSQL's protocol", 5672: "AMQP", 6379: "Redis's protocol",
		9042: "Cassandra's protocol", 9092: "Kafka's protocol", 11211: "memcached's protocol", 27017: "MongoDB's protocol",
	}[port]
}

func isTLS(library string) bool {
	for _, prefix := range []string{"libssl", "libgnutls", "libnss3", "libmbedtls", "libwolfssl", "libs2n"} {
		if strings.HasPrefix(library, prefix) {
			return true
		}
	}
	return false
}
