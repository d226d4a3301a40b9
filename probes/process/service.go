package process

import (
	"path"
	"strings"
)

// ServiceName returns the name under which an OpenTelemetry user expects the
// process, the first of:
//
//   - OTEL_SERVICE_NAME of its own environment;
//   - service.name in its own OTEL_RESOURCE_ATTRIBUTES;
//   - what its interpreter runs: "python app.py" is app, "python -m http.server"
//     http.server, "gunicorn app:app" app, "node server.js" server, "java -jar
//     shop.jar" shop, "java com.example.Main" Main;
//   - the base name of its executable.
func (p *Process) ServiceName() string {
	if name := p.DeclaredServiceName(); name != "" {
		return name
	}
	return p.inferredServiceName()
}

// DeclaredServiceName returns the name that the process's own environment gives,
// or "".
func (p *Process) DeclaredServiceName() string {
	if name := strings.TrimSpace(p.Env["OTEL_SERVICE_NAME"]); name != "" {
		return name
	}
	attributes, err := ParseResourceAttributes(p.Env["OTEL_RESOURCE_ATTRIBUTES"])
	if err != nil {
		return ""
	}
	name := ""
	for _, a := range attributes {
		if a.Key == "service.name" {
			name = a.Value
		}
	}
	return name
}

func (p *Process) inferredServiceName() string {
	if p.Runtime != nil && p.Runtime.Program != "" {
		return printable([]byte(p.Runtime.Program))
	}
	return printable([]byte(path.Base(p.Executable)))
}
