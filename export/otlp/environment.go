package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/throughline/throughline/internal/destination"
)

// The protocols, as OTEL_EXPORTER_OTLP_PROTOCOL names them.
const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
	protocolJSON = "http/json"
)

// prefixes of the variables: what is set for traces wins over what is set for all signals.
const (
	forAll    = "OTEL_EXPORTER_OTLP_"
	forTraces = "OTEL_EXPORTER_OTLP_TRACES_"
)

// checks are the variables that the SDK would silently pass over if they made no sense. Protocol, which some of
// these depend on, is checked before them.
var checks = []struct {
	name  string
	check func(value, protocol string) error
}{
	{"ENDPOINT", checkEndpoint},
	{"CERTIFICATE", checkCertificate},
	{"COMPRESSION", oneOf("gzip", "none")},
	{"TIMEOUT", checkTimeout},
	{"HEADERS", checkHeaders},
	{"INSECURE", func(v, p string) error { return oneOf("true", "false")(strings.ToLower(v), p) }},
}

// checkEnvironment returns the protocol to use, or an error about the first variable or setting that makes no sense.
func checkEnvironment(s destination.Settings) (protocol string, err error) {
	from := "OTEL_EXPORTER_OTLP_PROTOCOL"
	protocol = cmp.Or(value(forTraces+"PROTOCOL"), value(forAll+"PROTOCOL"))
	if protocol == "" {
		from, protocol = "protocol", cmp.Or(s.Protocol, protocolHTTP)
	}
	if !slices.Contains([]string{protocolGRPC, protocolHTTP, protocolJSON}, protocol) {
		return "", fmt.Errorf("reading %s: unknown protocol %q; known are %s, %s, %s",
			from, protocol, protocolGRPC, protocolHTTP, protocolJSON)
	}
	// An address is no URL, and of the variable the SDK takes none.
	if _, _, err := net.SplitHostPort(s.Endpoint); s.Endpoint != "" && (protocol != protocolGRPC || err != nil) {
		if err := checkEndpoint(s.Endpoint, protocol); err != nil {
			return "", fmt.Errorf("reading endpoint: %w", err)
		}
	}
	for _, c := range checks {
		for _, name := range []string{forAll + c.name, forTraces + c.name} {
			if v := value(name); v != "" {
				if err := c.check(v, protocol); err != nil {
					return "", fmt.Errorf("reading %s: %w", name, err)
				}
			}
		}
	}
	for _, prefix := range []string{forAll, forTraces} {
		if err := checkKeyPair(prefix + "CLIENT_"); err != nil {
			return "", err
		}
	}
	return protocol, nil
}

// value is a variable as the SDK reads it.
func value(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// checkEndpoint wants a URL. gRPC also takes "host:port" and the names that its resolvers know.
func checkEndpoint(v, protocol string) error {
	u, err := url.Parse(v)
	if err != nil {
		return fmt.Errorf("%w; write a URL such as %s", err, example(protocol))
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	switch {
	case web && u.Hostname() == "":
		return fmt.Errorf("%q names no host; write a URL such as %s", v, example(protocol))
	case !web && protocol != protocolGRPC:
		return fmt.Errorf("%q does not begin with http:// or https://; write a URL such as %s", v, example(protocol))
	}
	port := cmp.Or(u.Port(), u.Opaque) // of "host:port", the URL parser takes the host for a scheme
	if n, err := strconv.Atoi(port); err == nil && (n < 1 || n > 65535) {
		return fmt.Errorf("%q has a port that is not between 1 and 65535", v)
	}
	return nil
}

func example(protocol string) string {
	if protocol == protocolGRPC {
		return "http://localhost:4317"
	}
	return "http://localhost:4318"
}

func checkCertificate(file, _ string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err // names the file
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return nil
}

// checkKeyPair wants both or none of the client's certificate and key.
func checkKeyPair(prefix string) error {
	certificate, key := value(prefix+"CERTIFICATE"), value(prefix+"KEY")
	switch {
	case certificate == "" && key == "":
		return nil
	case certificate == "":
		return fmt.Errorf("reading %sKEY: %sCERTIFICATE is not set, and one needs the other", prefix, prefix)
	case key == "":
		return fmt.Errorf("reading %sCERTIFICATE: %sKEY is not set, and one needs the other", prefix, prefix)
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		return fmt.Errorf("reading %sCERTIFICATE and %sKEY: %w", prefix, prefix, err)
	}
	return nil
}

func checkTimeout(v, _ string) error {
	if n, err := strconv.Atoi(v); err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of milliseconds", v)
	}
	return nil
}

// checkHeaders never shows a value: headers hold credentials.
func checkHeaders(v, _ string) error {
	for i, header := range strings.Split(v, ",") {
		name, text, ok := strings.Cut(header, "=")
		if name = strings.TrimSpace(name); !ok || !token(name) {
			return fmt.Errorf("header %d is not of the form name=value", i+1)
		}
		if _, err := url.PathUnescape(text); err != nil {
			return errors.New("the value of header " + name + " has a % that is not followed by two hexadecimal digits")
		}
	}
	return nil
}

// token is true for what HTTP allows as a header's name.
func token(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// oneOf wants one of the words.
func oneOf(words ...string) func(value, protocol string) error {
	return func(v, _ string) error {
		if slices.Contains(words, v) {
			return nil
		}
		return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
	}
}
