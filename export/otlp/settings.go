package otlp

import (
	"crypto/tls"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"google.golang.org/grpc/credentials"

	"github.com/throughline/throughline/internal/destination"
)

// Keys are the settings that the exporter knows.
func Keys() []string {
	return []string{"endpoint", "protocol", "headers", "compression", "timeout", "tls.ca", "tls.cert", "tls.key",
		"tls.insecure", "tls.insecure_skip_verify"}
}

// below is what of the settings holds: what a variable says, too, is the variable's. The SDK would have it the other way
// round.
func below(s destination.Settings) destination.Settings {
	for _, key := range []struct {
		names []string
		clear func()
	}{
		{[]string{"ENDPOINT"}, func() { s.Endpoint = "" }},
		{[]string{"INSECURE"}, func() { s.TLS.Insecure = false }},
		{[]string{"HEADERS"}, func() { s.Headers = nil }},
		{[]string{"COMPRESSION"}, func() { s.Compression = "" }},
		{[]string{"TIMEOUT"}, func() { s.Timeout = 0 }},
		{[]string{"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"}, func() { s.TLS = destination.TLS{Insecure: s.TLS.Insecure} }},
	} {
		for _, name := range key.names {
			if value(forAll+name) != "" || value(forTraces+name) != "" {
				key.clear()
			}
		}
	}
	return s
}

// tracesPath is put behind an endpoint that has no path, as the specification has it for the variable.
const tracesPath = "/v1/traces"

// target is the URL of an endpoint.
func target(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err == nil && strings.Trim(u.Path, "/") == "" {
		u.Path = tracesPath
		return u.String()
	}
	return endpoint
}

// httpOptions are the settings in the SDK's words, but for the time limit and TLS, which are the client's.
func httpOptions(protocol string, s destination.Settings) (options []otlptracehttp.Option) {
	if protocol == protocolJSON {
		options = append(options, otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON))
	}
	if s.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(target(s.Endpoint)))
	}
	if len(s.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(s.Headers))
	}
	if s.Compression == "gzip" {
		options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	return options
}

// grpcOptions are the settings in the SDK's words.
func grpcOptions(s destination.Settings, config *tls.Config) (options []otlptracegrpc.Option) {
	switch web := strings.HasPrefix(s.Endpoint, "http://") || strings.HasPrefix(s.Endpoint, "https://"); {
	case web:
		options = append(options, otlptracegrpc.WithEndpointURL(s.Endpoint))
	case s.Endpoint != "":
		options = append(options, otlptracegrpc.WithEndpoint(s.Endpoint))
	}
	if s.TLS.Insecure {
		options = append(options, otlptracegrpc.WithInsecure())
	}
	if len(s.Headers) > 0 {
		options = append(options, otlptracegrpc.WithHeaders(s.Headers))
	}
	if s.Compression == "gzip" {
		options = append(options, otlptracegrpc.WithCompressor("gzip"))
	}
	if s.Timeout > 0 {
		options = append(options, otlptracegrpc.WithTimeout(s.Timeout))
	}
	if config != nil {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(config)))
	}
	return options
}
