package secret

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// example is a line of the corpus.
type example struct {
	text, secret string
	apart        bool // nothing of a token may touch the text
}

func corpus(t testing.TB) (all []example) {
	t.Helper()
	file, err := os.ReadFile("testdata/secrets.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		var e example
		line, e.apart = strings.CutPrefix(line, "|")
		var part bool
		if e.text, e.secret, part = strings.Cut(line, "\t"); !part {
			e.secret = e.text
		}
		all = append(all, e)
	}
	if len(all) < 60 {
		t.Fatalf("a corpus of %d lines", len(all))
	}
	return all
}

func TestMask(t *testing.T) {
	for _, e := range corpus(t) {
		for _, format := range []string{"%s", "/a/%s/b", "x %s y", "(%s)", "/%s", "'%s'", "id=%s", "/a/%s?b", "%s\n%s"} {
			text := strings.ReplaceAll(format, "%s", e.text)
			if got := Mask(text); strings.Contains(got, e.secret) {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	}
}

// TestWords: what is no secret stays as it is, and costs no allocation.
func TestWords(t *testing.T) {
	for _, s := range []string{
		"", "/", "GET", "/api/v1/users/12345/orders", "/users/550e8400-e29b-41d4-a716-446655440000", "/users/550E8400-E29B-41D4-A716-446655440000",
		"/commit/356a192b7913b04c54574d18c28d46e6395428ab", "/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"/objects/507f1f77bcf86cd799439011", "/api/v1/namespaces/kube-system/pods/coredns-5d78c9869d-x2x9z",
		"/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/wiki/Albert_Einstein", "/wiki/2024_Summer_Olympics_medal_table",
		"/repos/octocat/Hello-World/git/refs/heads/main", "/items/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/tweets/1460323737035677698",
		"/t/1700000000000", "/static/app.3f2a1b9c.chunk.js", "/npm/react@18.2.0/umd/react.production.min.js", "/@types/node", "/@babel/core@7.20.12",
		"/getUserByIdentifierAndCountryCode", "/GetAccountBalanceForCustomerV2", "ip-10-0-12-34.eu-west-1.compute.internal", "k8s_default_token_reviewer",
		"/blog/2024/05/12/how-to-build-a-house-in-10-days", "/v2.0/subscriptions/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/resourceGroups/Production",
		"connection reset before the response was complete", "invalid token: unexpected end of input", "basic authentication failed", "Bearer authentication",
		"dial tcp 10.0.0.1:5432: connect: connection refused", "http://orders:8080/orders/42", "https://example.com", "12:30@noon",
		"2026-11-21T22:10:05.123456789Z", "4111111111111112", "1234567890123456", "DE88370400440532013000", "100%", "a=b", "x@y", "/a%20b%2Fc",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
		"arn:aws:iam::123456789012:role/MyRoleForLambdaV2", "arn:aws:lambda:eu-west-1:123456789012:function:my-func-2",
		"gke-prod-cluster-default-pool-3c5b9d7a-x1zq", "java.lang.IllegalStateException: at com.example.OrderServiceImplV2.process(OrderServiceImplV2.java:123)",
		"goroutine 17 [running]:\nmain.(*Server).handle(0xc000123456, {0x7f1234567890, 0x10})\n\t/src/main.go:42 +0x1d",
		"/subscriptions/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/resourceGroups/MyGroup01/providers/Microsoft.Compute/virtualMachines/Vm01",
		"/v1/projects/my-project-123456/locations/us-central1/clusters/cluster-1", "pool-1-thread-12", "2024-05-12T10:00:00.000+0200",
		"/assets/vendor.4f8d2c1a9b7e6d5c.min.js", "/_next/static/chunks/pages/index-0a1b2c3d4e5f6071.js", "/xmlrpc.php", "/.well-known/openid-configuration",
		"token=", "key: value", "unexpected token: }", "secret santa", "the password is wrong", "Basic usage", "SQLSTATE 23505 duplicate key value violates unique constraint \"users_email_key\"",
		"dial tcp [::1]:5432: connect: connection refused", "lookup db.example.com on 10.0.0.2:53: no such host", "PSQLException: ERROR: relation \"orders2024\" does not exist",
		"x86_64-unknown-linux-gnu", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "registry.example.com/team/app:v1.2.3-4-gabc1234",
		"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "POST /graphql", "com.example.shop.v1.InventoryService/ReserveItemsForOrder", "us-east-1_AbCdEfGhI",
		"13800138000", "1000000000000000", "4929420123456789", "http://[2001:db8::1]:8080/x", "C:\\Users\\bob\\file.txt", "npm:react@18.2.0",
		"ManagementPlaneResourceProviderV20230101Operations", "/page?x=1", "HTTP2_STREAM_ERROR_CODE_0x8", "CVE-2024-12345",
		"SELECT orders", "github.com/throughline/throughline.(*Server).ServeHTTP", "rpc error: code = Unavailable desc = transport is closing",
	} {
		if got := Mask(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
		if n := testing.AllocsPerRun(10, func() { Mask(s) }); n > 0 {
			t.Errorf("%q: %v allocations", s, n)
		}
	}
}

func TestMaskedText(t *testing.T) {
	for text, want := range map[string]string{
		"/users/jane@example.com/orders":                                  "/users/REDACTED/orders",
		"/users/jane%40example.com":                                       "/users/REDACTED",
		"/reset/8xLOxBtZp8QqnV4zW2sYd1Kc":                                 "/reset/REDACTED",
		"/cards/4111111111111111/charges":                                 "/cards/REDACTED/charges",
		"https://bob:hunter2@db/x?y=z":                                    "https://REDACTED@db/x",
		`Get "http://h/p?token=abc": EOF`:                                 `Get "http://h/p": EOF`,
		"8xLOxBtZp8QqnV4zW2sYd1Kcpassword=hunter2":                        "REDACTED=REDACTED",
		"otp=4111 1111 1111 1111 x":                                       "otp=REDACTEDREDACTED x",
		"/a;jsessionid=A1B2C3/b":                                          "/a;jsessionid=REDACTED",
		`{"password":"x","user":"y"}`:                                     `{"password":"REDACTED","user":"y"}`,
		"login failed: password=hunter2, user=jane":                       "login failed: password=REDACTED, user=jane",
		"Authorization: Bearer mF_9.B5f-4.1JqM":                           "Authorization: Bearer REDACTED",
		"http://h/a;password=x?y=1&z=2":                                   "http://h/a;password=REDACTED",
		"4111-1111-1111-1111-ghp_16C7e42F292c6912E7710c838347Ae178B4a-xy": "REDACTED",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// used is the time that this thread has been running for: others may run too.
func used(t *testing.T) time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLong: the time is in proportion to the text, whatever stands in it.
func TestLong(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	takes := func(part string, size int) time.Duration {
		text := strings.Repeat(part, size/len(part))
		began := used(t)
		Mask(text)
		return used(t) - began
	}
	const grain = 10 * time.Millisecond // of the kernel's accounting, and more
	for _, part := range []string{"@", "a@", ":a@", "://", "://a:b/", "=", "a=", "password=", "-", "a-", "%40", "4111 ", "DE89 ", "eyJ", "bearer ", `"`, "?", "1", "aB1"} {
		short, long := takes(part, 1<<14), takes(part, 1<<17)
		if long > 24*max(short, grain) { // in proportion are 8, with the square 64
			t.Errorf("of %q 16 KiB take %v and 128 KiB %v", part, short, long)
		}
	}
}

// TestRandom prints how many tokens of random characters are found, and how many names are taken for one.
func TestRandom(t *testing.T) {
	const n = 5000
	r := rand.New(rand.NewPCG(1, 2))
	const digits, small = "0123456789", "abcdefghijklmnopqrstuvwxyz"
	for _, c := range []struct {
		name, of string
		length   int
		least    float64
	}{
		{"base62", digits + small + strings.ToUpper(small), 20, 0.80},
		{"base62", digits + small + strings.ToUpper(small), 24, 0.90},
		{"base62", digits + small + strings.ToUpper(small), 32, 0.97},
		{"base64url", digits + small + strings.ToUpper(small) + "-_", 32, 0.95},
		{"base64url", digits + small + strings.ToUpper(small) + "-_", 43, 0.99},
		{"base36", digits + small, 25, 0.95},
		{"base36", digits + small, 32, 0.98},
		{"base32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32, 0.90},
	} {
		found := 0
		for range n {
			b := make([]byte, c.length)
			for i := range b {
				b[i] = c.of[r.IntN(len(c.of))]
			}
			if In("/" + string(b)) {
				found++
			}
		}
		share := float64(found) / n
		t.Logf("%-9s %d characters: %.1f %% found", c.name, c.length, 100*share)
		if share < c.least {
			t.Errorf("%s of %d: %.3f found, want %.2f", c.name, c.length, share, c.least)
		}
	}
	words := strings.Fields("get user by id list all orders for customer account balance v2 summary report daily 2024 export http server client oauth2 " +
		"s3 bucket object name search index page image thumbnail x2 large small preview html json api internal external gateway service")
	taken := 0
	for range n {
		var b strings.Builder
		joint := []string{"", "-", "_"}[r.IntN(3)]
		for i := range 3 + r.IntN(5) {
			w := words[r.IntN(len(words))]
			if i > 0 {
				b.WriteString(joint)
				if joint == "" {
					w = strings.ToUpper(w[:1]) + w[1:]
				}
			}
			b.WriteString(w)
		}
		if In("/" + b.String()) {
			taken++
		}
	}
	t.Logf("names: %.2f %% taken for tokens", 100*float64(taken)/n)
	if taken > n/20 { // of words of which every fifth has a digit in it, which names have not
		t.Errorf("%d of %d names are taken for tokens", taken, n)
	}
}

// FuzzEmbedded: no secret of the corpus survives in whatever text it stands.
func FuzzEmbedded(f *testing.F) {
	all := corpus(f)
	for i := range all {
		f.Add(uint16(i), "", "")
		f.Add(uint16(i), "/a/", "/b?c=d")
		f.Add(uint16(i), "x=%2", "@b.c")
		f.Add(uint16(i), "http://u:p@h/", "://")
	}
	f.Fuzz(func(t *testing.T, n uint16, before, behind string) {
		e := all[int(n)%len(all)]
		if strings.Contains(before+behind, e.secret) {
			t.Skip("the text has the secret of its own")
		}
		if n := len(before); strings.Contains(before[max(0, n-2):], "%") { // an escape would take the first characters
			before += "/"
		}
		if e.apart { // what touches it would make it another number or word
			before, behind = separated(before, behind)
		}
		text := before + e.text + behind
		got := Mask(text)
		if strings.Contains(got, e.secret) {
			t.Errorf("%q becomes %q", text, got)
		}
		if again := Mask(got); strings.Contains(again, e.secret) {
			t.Errorf("%q becomes %q", got, again)
		}
	})
}

// separated puts something between text and a secret that is known by its look where letters, digits and joints would touch it.
func separated(before, behind string) (string, string) {
	if n := len(before); n > 0 && is(before[n-1], inRun) {
		before += "/"
	}
	if behind != "" && is(behind[0], inRun) || strings.HasPrefix(behind, "%") {
		behind = "/" + behind
	}
	return before, behind
}

func BenchmarkMask(b *testing.B) {
	for _, path := range []string{
		"/api/v1/users/12345/orders", "/users/550e8400-e29b-41d4-a716-446655440000", "/api/v1/namespaces/kube-system/pods/coredns-5d78c9869d-x2x9z",
		"/wiki/2024_Summer_Olympics_medal_table", "/users/jane@example.com",
	} {
		b.Run(fmt.Sprintf("%.20s", strings.ReplaceAll(path[1:], "/", "_")), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(path)))
			for b.Loop() {
				Mask(path)
			}
		})
	}
}
