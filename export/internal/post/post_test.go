package post

import (
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/throughline/throughline/export/internal/failure"
	"github.com/throughline/throughline/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver keeps the last request, and answers with a status.
type receiver struct {
	status  int
	request *http.Request
	body    string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.request = request
	var body io.Reader = request.Body
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.body = string(text)
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, "the answer")
}

func client(t *testing.T, s destination.Settings, to string) *Client {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(s, http.MethodPost, u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestPost(t *testing.T) {
	r := &receiver{status: http.StatusAccepted}
	web := httptest.NewServer(r)
	defer web.Close()
	s := destination.Settings{Compression: "gzip", Headers: map[string]string{"X-Team": "shop", "Host": "traces.example"}}
	c := client(t, s, strings.Replace(web.URL, "http://", "http://user:pass@", 1)+"/path?a=b")
	answer, err := c.Post(t.Context(), []byte("the body"), map[string]string{"Content-Type": "text/plain", "X-Team": "own"})
	user, password, _ := r.request.BasicAuth()
	if err != nil || string(answer) != "the answer" || r.body != "the body" || r.request.URL.String() != "/path?a=b" ||
		r.request.Header.Get("X-Team") != "shop" || r.request.Host != "traces.example" || user != "user" || password != "pass" ||
		r.request.Header.Get("Content-Type") != "text/plain" || !strings.HasPrefix(r.request.UserAgent(), "throughline/") {
		t.Errorf("%q, %q, %+v: %v", answer, r.body, r.request, err)
	}
	var known *failure.Error
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusUnauthorized} {
		r.status = status
		if _, err := c.Post(t.Context(), nil, nil); !errors.As(err, &known) || known.Reason() != failure.Refused || r.request.URL.Path != "/path" {
			t.Errorf("%d: %v", status, err)
		}
	}
	web.Close()
	if _, err := c.Post(t.Context(), nil, nil); !errors.As(err, &known) || known.Reason() != failure.Unavailable || strings.Contains(err.Error(), "pass") {
		t.Errorf("error is %v", err)
	}
}

// write puts PEM into a file.
func write(t *testing.T, kind string, bytes []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pair is a client's certificate, signed by itself, and its key.
func pair(t *testing.T) (certificate *x509.Certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// TestTLS: the server is known by the authority of the settings alone, and knows the client by its certificate.
func TestTLS(t *testing.T) {
	r := &receiver{status: http.StatusOK}
	certificate, key := pair(t)
	web := httptest.NewUnstartedServer(r)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail on purpose
	known := x509.NewCertPool()
	known.AddCert(certificate)
	web.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known}
	web.StartTLS()
	defer web.Close()
	ca := write(t, "CERTIFICATE", web.Certificate().Raw)
	cert, keyFile := write(t, "CERTIFICATE", certificate.Raw), write(t, "PRIVATE KEY", key)
	for _, f := range []struct {
		tls destination.TLS
		ok  bool
	}{
		{destination.TLS{CA: ca, Cert: cert, Key: keyFile}, true},
		{destination.TLS{InsecureSkipVerify: true, Cert: cert, Key: keyFile}, true},
		{destination.TLS{CA: ca}, false},
		{destination.TLS{CA: cert, Cert: cert, Key: keyFile}, false},
		{destination.TLS{}, false},
	} {
		if _, err := client(t, destination.Settings{TLS: f.tls}, web.URL).Post(t.Context(), nil, nil); (err == nil) != f.ok {
			t.Errorf("%+v: %v", f.tls, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	const name = "OTEL_EXPORTER_TEST_TIMEOUT"
	for value, want := range map[string]time.Duration{"": time.Second, "250": 250 * time.Millisecond, "-1": -1, "1s": -1} {
		t.Setenv(name, value)
		got, err := Timeout(name, destination.Settings{Timeout: time.Second})
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}
