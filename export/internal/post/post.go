// Package post sends a batch by HTTP, once.
package post

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/internal/buildinfo"
	"github.com/throughline/throughline/internal/destination"
)

// DefaultTimeout is for a request whose settings say none: what the OpenTelemetry specification sets for exporters.
const DefaultTimeout = 10 * time.Second

// Keys are the settings that a Client knows.
func Keys() []string {
	return []string{"endpoint", "headers", "user", "password", "compression", "timeout", "tls.ca", "tls.cert", "tls.key",
		"tls.insecure_skip_verify"}
}

// maxAnswer is how much of an answer is read, in bytes. An answer that is read to its end leaves the connection open
// for the next request.
const maxAnswer = 64 << 10

// A Client sends to one URL. One request is under way at a time, as the SDK promises to exporters.
type Client struct {
	url     string
	method  string
	headers http.Header
	user    *url.Userinfo
	gzip    bool
	http    http.Client
}

// New makes a client of method for to, as the settings say but for their endpoint. The scheme unix is HTTP over the
// socket that the host names. Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
func New(s destination.Settings, method string, to *url.URL) (*Client, error) {
	config, err := s.TLS.Config()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if config != nil {
		transport.TLSClientConfig = config
	}
	c := &Client{method: method, headers: http.Header{}, gzip: s.Compression == "gzip",
		http: http.Client{Transport: transport, Timeout: cmp.Or(s.Timeout, DefaultTimeout)}}
	target := *to
	if target.Scheme == "unix" {
		socket := target.Host
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", socket)
		}
		target.Scheme, target.Host = "http", "localhost"
	}
	c.user, target.User = target.User, nil // so that no message shows a password
	if s.User != "" {
		c.user = url.UserPassword(s.User, s.Password)
	}
	c.url = target.String()
	c.headers.Set("User-Agent", "throughline/"+buildinfo.Version)
	for name, value := range s.Headers {
		c.headers.Set(name, value)
	}
	// A redirected POST would become a GET without a body, whose answer says nothing of the batch.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Post sends the body and returns the answer's, or a *failure.Error if the answer is not of the 200s. The headers are
// added to the settings', which win. The body must not be written to afterwards.
func (c *Client) Post(ctx context.Context, body []byte, headers map[string]string) ([]byte, error) {
	if c.gzip {
		body = squeeze(body)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, failure.New(failure.Failed, failure.All, err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if c.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	for name, values := range c.headers {
		request.Header[name] = values
	}
	if host := c.headers.Get("Host"); host != "" {
		request.Host = host
	}
	if c.user != nil && request.Header.Get("Authorization") == "" {
		password, _ := c.user.Password()
		request.SetBasicAuth(c.user.Username(), password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, failure.OfTransport(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, failure.OfResponse(response, answer)
	case err != nil: // it was accepted all the same: to send it again would deliver it twice
		return nil, nil
	}
	return answer, nil
}

// squeeze returns memory of its own: the transport may still read a body whose request has timed out.
func squeeze(body []byte) []byte {
	var squeezed bytes.Buffer
	w := gzip.NewWriter(&squeezed)
	_, _ = w.Write(body) // a buffer's errors are panics
	_ = w.Close()
	return squeezed.Bytes()
}

// Close closes the connection that waits for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Endpoint is the first of the values that is set, as a URL; named says which one it was in an error.
func Endpoint(example string, values ...Named) (*url.URL, error) {
	for _, v := range values {
		if v.Value == "" {
			continue
		}
		u, err := destination.WebURL(v.Value, example)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", v.Name, err)
		}
		return u, nil
	}
	return destination.WebURL(example, example)
}

// Named is a setting's value with the name under which the user knows it.
type Named struct{ Name, Value string }

// Timeout is the variable name's, a number of milliseconds, or else the settings' own.
func Timeout(name string, s destination.Settings) (time.Duration, error) {
	value := strings.TrimSpace(os.Getenv(name))
	if value == "" {
		return s.Timeout, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("reading %s: %q is not a number of milliseconds", name, value)
	}
	return time.Duration(n) * time.Millisecond, nil
}
