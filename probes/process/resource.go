package process

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// agentName is telemetry.sdk.name and telemetry.distro.name: the semantic
// conventions leave "opentelemetry" to its own SDKs and ask others for a name of
// theirs.
const agentName = "throughline"

// ResourceOptions is what the agent adds to a process's resource.
type ResourceOptions struct {
	Host Host
	// Version is the agent's own version.
	Version string
	// ServiceName and Attributes are the agent's own OTEL_SERVICE_NAME and
	// OTEL_RESOURCE_ATTRIBUTES: they stand above what is inferred and below what
	// the process's own environment says.
	ServiceName string
	Attributes  []Attribute
}

// Resource describes the process in semantic-convention words. Of the command
// line it holds the command alone, since arguments may be secret.
func (p *Process) Resource(o ResourceOptions) *resource.Resource {
	attrs := []attribute.KeyValue{
		semconv.ServiceName(p.inferredServiceName()),
		semconv.ServiceInstanceID(p.InstanceID(o.Host)),
		semconv.ProcessPID(p.PID),
		semconv.ProcessParentPID(p.ParentPID),
		semconv.ProcessExecutableName(printable([]byte(path.Base(p.Executable)))),
		semconv.ProcessExecutablePath(printable([]byte(p.Executable))),
		semconv.ProcessOwner(p.Owner),
		semconv.OSTypeLinux,
	}
	add := func(key attribute.Key, value string) {
		if value != "" {
			attrs = append(attrs, key.String(value))
		}
	}
	add(semconv.ProcessCommandKey, p.command())
	add(semconv.ProcessRuntimeNameKey, p.Runtime.Name)
	add(semconv.ProcessRuntimeVersionKey, p.Runtime.Version)
	add(semconv.ContainerIDKey, p.ContainerID)
	add(semconv.HostNameKey, o.Host.Name)
	add(semconv.HostIDKey, o.Host.ID)
	add(semconv.HostArchKey, o.Host.Arch)
	add(semconv.OSDescriptionKey, o.Host.OS)
	add(semconv.OSVersionKey, o.Host.Kernel)
	for _, a := range o.Attributes {
		add(attribute.Key(a.Key), a.Value)
	}
	add(semconv.ServiceNameKey, o.ServiceName)
	if own, err := ParseResourceAttributes(p.Env["OTEL_RESOURCE_ATTRIBUTES"]); err == nil {
		for _, a := range own {
			add(attribute.Key(a.Key), a.Value)
		}
	}
	add(semconv.ServiceNameKey, p.DeclaredServiceName())
	add(semconv.TelemetrySDKNameKey, agentName)
	add(semconv.TelemetrySDKLanguageKey, p.Runtime.Language)
	add(semconv.TelemetrySDKVersionKey, o.Version)
	add(semconv.TelemetryDistroNameKey, agentName)
	add(semconv.TelemetryDistroVersionKey, o.Version)
	return resource.NewWithAttributes(semconv.SchemaURL, attrs...) // the last of a key counts
}

// command returns the command as typed. A title written over the command line
// (setproctitle) may hold arguments, so then it is the executable's name.
func (p *Process) command() string {
	if len(p.Args) == 0 || strings.ContainsAny(p.Args[0], " \t\n") {
		return printable([]byte(path.Base(p.Executable)))
	}
	return printable([]byte(p.Args[0]))
}

// instanceNamespace is the UUID under which the semantic conventions ask for
// service.instance.id to be derived (docs/resource/service.md).
var instanceNamespace = [16]byte{0x4d, 0x63, 0x00, 0x9a, 0x8d, 0x0f, 0x11, 0xee, 0xaa, 0xd7, 0x4c, 0x79, 0x6e, 0xd8, 0xe3, 0x20}

// InstanceID returns a UUID of version 5 (RFC 9562) over machine id, boot id, pid
// and start time: the same for one process however often the agent starts, and
// another for each other process.
func (p *Process) InstanceID(h Host) string {
	d := sha1.New()
	d.Write(instanceNamespace[:])
	fmt.Fprintf(d, "%s/%s/%d/%d", h.ID, h.BootID, p.PID, p.StartTime)
	u := d.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}
