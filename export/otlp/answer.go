package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/throughline/throughline/export/internal/failure"
)

// answer is what the receiver said to a request over HTTP. The SDK's error tells it in words, and the pause not at all.
type answer struct {
	status int
	pause  time.Duration // of Retry-After; 0: none
}

// noting is the SDK's transport that keeps the latest answer. Requests come one after another.
type noting struct {
	http.RoundTripper
	latest atomic.Pointer[answer]
}

// RoundTrip sends the request.
func (n *noting) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := n.RoundTripper.RoundTrip(request)
	if err == nil {
		n.latest.Store(&answer{status: response.StatusCode, pause: failure.Asked(response.Header, time.Now())})
	}
	return response, err
}

// take is the answer since it was last asked; nil if none came.
func (n *noting) take() *answer { return n.latest.Swap(nil) }

// defaultTimeout is the specification's for one request.
const defaultTimeout = 10 * time.Second

// newHTTPClient is what the SDK would make of the two, or where they say nothing (nil, 0) of the variables, which
// checkEnvironment has checked, with the transport that notes the answers. The SDK passes over its own options for them
// when it is given a client.
func newHTTPClient(config *tls.Config, timeout time.Duration) (*http.Client, *noting, error) {
	if config == nil {
		var err error
		if config, err = environmentTLS(); err != nil {
			return nil, nil, err
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if config != nil {
		transport.TLSClientConfig = config
	}
	if timeout == 0 {
		timeout = defaultTimeout
		if n, err := strconv.Atoi(cmp.Or(value(forTraces+"TIMEOUT"), value(forAll+"TIMEOUT"))); err == nil {
			timeout = time.Duration(n) * time.Millisecond
		}
	}
	notes := &noting{RoundTripper: transport}
	return &http.Client{Transport: notes, Timeout: timeout}, notes, nil
}

// environmentTLS is what the variables say of certificates; nil if they say nothing.
func environmentTLS() (*tls.Config, error) {
	authority := cmp.Or(value(forTraces+"CERTIFICATE"), value(forAll+"CERTIFICATE"))
	certificate := cmp.Or(value(forTraces+"CLIENT_CERTIFICATE"), value(forAll+"CLIENT_CERTIFICATE"))
	key := cmp.Or(value(forTraces+"CLIENT_KEY"), value(forAll+"CLIENT_KEY"))
	if authority == "" && certificate == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			return nil, fmt.Errorf("reading the collector's certificate: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("reading the client's certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
