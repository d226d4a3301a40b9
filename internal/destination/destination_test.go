package destination

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestOverride: every setting has its variable, and what no variable says stays.
func TestOverride(t *testing.T) {
	variables := map[string]string{
		"P_ENDPOINT": "http://e", "P_PROTOCOL": "p", "P_HEADERS": "A=b%20c, D=e", "P_USER": "u", "P_PASSWORD": "w",
		"P_COMPRESSION": "gzip", "P_TIMEOUT": "3s", "P_TLS_CA": "ca", "P_TLS_CERT": "cert", "P_TLS_KEY": "key",
		"P_TLS_INSECURE": "true", "P_TLS_INSECURE_SKIP_VERIFY": "true", "P_INDEXED": "a, b", "P_PATH": "f",
		"P_MAX_BYTES": "7", "P_MAX_FILES": "8",
	}
	getenv := func(name string) string { return variables[name] }
	want := Settings{Endpoint: "http://e", Protocol: "p", Headers: map[string]string{"A": "b c", "D": "e"}, User: "u", Password: "w",
		Compression: "gzip", Timeout: 3 * time.Second, TLS: TLS{CA: "ca", Cert: "cert", Key: "key", Insecure: true, InsecureSkipVerify: true},
		Indexed: []string{"a", "b"}, Path: "f", MaxBytes: 7, MaxFiles: 8}
	if got, err := (Settings{Endpoint: "other"}).Override("P_", getenv); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := keys(reflect.ValueOf(want), ""); len(got) != len(variables) {
		t.Errorf("%d settings have %d variables: %v", len(got), len(variables), got)
	}
	if got, err := want.Override("OTHER_", getenv); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, value := range map[string]string{"P_TIMEOUT": "secret", "P_MAX_FILES": "secret", "P_TLS_INSECURE": "secret", "P_HEADERS": "secret"} {
		_, err := Settings{}.Override("P_", func(n string) string { return map[string]string{name: value}[n] })
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
		if name != "P_TIMEOUT" && strings.Contains(err.Error(), "secret") {
			t.Errorf("a value is shown: %v", err)
		}
	}
}

func TestCheck(t *testing.T) {
	f := func(s Settings, want string) {
		t.Helper()
		err := s.Check([]string{"endpoint", "headers", "compression", "timeout", "tls.ca"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: error %v, want %q in it", s, err, want)
		}
	}
	f(Settings{}, "")
	f(Settings{Endpoint: "x", TLS: TLS{CA: "f"}, Compression: "none", Headers: map[string]string{"X-A": "b"}}, "")
	f(Settings{Path: "x"}, "path is not a setting of this exporter; it knows endpoint, headers, compression, timeout, tls.ca")
	f(Settings{TLS: TLS{Key: "k"}}, "tls.key is not a setting")
	f(Settings{Compression: "zstd"}, "neither gzip nor none")
	f(Settings{Timeout: -1}, "negative")
	f(Settings{Headers: map[string]string{"a b": "c"}}, "no header")
	f(Settings{Headers: map[string]string{"A": "secret\r\nB: c"}}, "line break")
	if err := (Settings{Path: "x"}).Check(nil); err == nil {
		t.Error("an exporter without settings takes one")
	}
}

func TestWebURL(t *testing.T) {
	for value, ok := range map[string]bool{"http://a": true, "https://a:1/b?c": true, "a:1": false, "http://": false, "ftp://a": false, "http://%": false} {
		if _, err := WebURL(value, "http://localhost"); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
	if _, err := WebURL("ftp://user:secret@a", ""); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}
