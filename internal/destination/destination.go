// Package destination says where an exporter sends spans to, and how, in the words of the configuration file.
package destination

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Settings are one exporter's; what is not set is zero. No exporter knows all of them.
type Settings struct {
	// Endpoint is a URL, or host:port for what is sent by gRPC or UDP.
	Endpoint string `yaml:"endpoint"`
	// Protocol is one of those that the exporter speaks.
	Protocol string `yaml:"protocol"`
	// Headers go with every request. They may hold credentials: never print a value.
	Headers map[string]string `yaml:"headers"`
	// User and Password are those of HTTP's Basic authentication.
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	// Compression is gzip or none.
	Compression string `yaml:"compression"`
	// Timeout is for one request.
	Timeout time.Duration `yaml:"timeout"`
	TLS     TLS           `yaml:"tls"`
	// Indexed are the attributes by which a backend is to find traces.
	Indexed []string `yaml:"indexed"`
	// Path is a file's.
	Path string `yaml:"path"`
	// MaxBytes is the size at which a file is put aside and a new one begun.
	MaxBytes int64 `yaml:"max_bytes"`
	// MaxFiles is how many files put aside are kept.
	MaxFiles int `yaml:"max_files"`
}

// TLS is how a connection is encrypted, in the words of the OpenTelemetry Collector. CA, Cert and Key are files of PEM.
type TLS struct {
	// CA signs the server's certificate, instead of the host's authorities.
	CA string `yaml:"ca"`
	// Cert and Key are the client's own.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Insecure switches encryption off where the endpoint does not say it by https.
	Insecure bool `yaml:"insecure"`
	// InsecureSkipVerify takes any certificate for the server's.
	InsecureSkipVerify bool `yaml:"insecure_skip_verify"`
}

// Check refuses keys that are set and not among those that the exporter knows, and values that no exporter can use.
func (s Settings) Check(known []string) error {
	for _, key := range keys(reflect.ValueOf(s), "") {
		if !slices.Contains(known, key) {
			all := strings.Join(known, ", ")
			if all == "" {
				all = "none"
			}
			return fmt.Errorf("%s is not a setting of this exporter; it knows %s", key, all)
		}
	}
	if s.Compression != "" && s.Compression != "gzip" && s.Compression != "none" {
		return fmt.Errorf("compression: %q is neither gzip nor none", s.Compression)
	}
	if s.Timeout < 0 || s.MaxBytes < 0 || s.MaxFiles < 0 {
		return errors.New("timeout, max_bytes and max_files must not be negative")
	}
	for name, value := range s.Headers {
		if !token(name) || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("headers: %q is no header, or its value has a line break", name)
		}
	}
	return nil
}

// keys are the names of what is set, those of a mapping in a mapping with a dot between.
func keys(mapping reflect.Value, prefix string) (all []string) {
	for i := range mapping.NumField() {
		field, name := mapping.Field(i), prefix+mapping.Type().Field(i).Tag.Get("yaml")
		switch {
		case field.Kind() == reflect.Struct:
			all = append(all, keys(field, name+".")...)
		case !field.IsZero():
			all = append(all, name)
		}
	}
	return all
}

// token is true for what HTTP allows as a header's name (RFC 9110, section 5.6.2).
func token(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// Config is what crypto/tls wants, nil if nothing is set. The files are read now, so that one which is not there is an
// error at the start.
func (t TLS) Config() (*tls.Config, error) {
	if t == (TLS{}) || t == (TLS{Insecure: true}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading tls.ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading tls.ca: %s holds no certificate in PEM form", t.CA)
		}
	}
	switch {
	case t.Cert == "" && t.Key == "":
	case t.Cert == "" || t.Key == "":
		return nil, errors.New("reading tls: cert and key need each other, and only one is set")
	default:
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("reading tls.cert and tls.key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// WebURL wants a URL of HTTP with a host, such as example.
func WebURL(value, example string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return nil, fmt.Errorf("endpoint %q cannot be read; write a URL such as %s", value, example)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("endpoint %q is not http:// or https:// and a host; write a URL such as %s", u.Redacted(), example)
	}
	return u, nil
}
