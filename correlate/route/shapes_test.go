package route

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// api is the shape of a public API: its routes as its documentation has them, and what stands in their placeholders.
type api struct {
	name   string
	routes []string
	values map[string]func(*rand.Rand) string
}

// pick takes names as access logs have them: few often, many seldom.
func pick(names string) func(*rand.Rand) string {
	all := strings.Fields(names)
	return func(r *rand.Rand) string {
		return all[min(r.IntN(len(all)), r.IntN(len(all)))]
	}
}

func numbers(below int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return fmt.Sprint(1 + r.IntN(below)) }
}

func random(of string, n int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = of[r.IntN(len(of))]
		}
		return string(b)
	}
}

const hexDigits = "0123456789abcdef"

func randomUUID(r *rand.Rand) string {
	h := random(hexDigits, 32)(r)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func day(r *rand.Rand) string {
	return fmt.Sprintf("20%02d%02d%02d", 15+r.IntN(10), 1+r.IntN(12), 1+r.IntN(28))
}

// suffixed are names as Kubernetes makes them of a workload's.
func suffixed(names, letters string, lengths ...int) func(*rand.Rand) string {
	name := pick(names)
	return func(r *rand.Rand) string {
		s := name(r)
		for _, n := range lengths {
			s += "-" + random(letters, n)(r)
		}
		return s
	}
}

const (
	// safe are the characters of names that Kubernetes generates (k8s.io/apimachinery/pkg/util/rand).
	safe      = "bcdfghjklmnpqrstvwxz2456789"
	workloads = "coredns metrics-server frontend checkout cart payment-gateway redis-cache postgres inventory search-indexer mailer image-resizer " +
		"auth-proxy billing-worker web-api scheduler-service ingress-nginx-controller cert-manager prometheus-server grafana"
	namespaces = "default kube-system monitoring ingress-nginx cert-manager team-alpha team-beta payments staging production logging vault argocd"
	owners     = "octocat torvalds golang kubernetes microsoft facebook google vercel hashicorp grafana prometheus rust-lang nodejs denoland sindresorhus " +
		"gaearon yyx990803 antirez mitchellh tj fatih spf13 dhh rails django python pallets psf apache elastic mozilla cilium open-telemetry jaegertracing"
	repositories = "Hello-World linux go kubernetes vscode react guava next.js terraform grafana prometheus rust node deno awesome redux vue redis vagrant " +
		"express color cobra rails django cpython flask requests kafka elasticsearch gecko-dev cilium opentelemetry-go jaeger etcd containerd moby bpftrace " +
		"libbpf systemd curl git neovim tmux ripgrep fzf bat exa starship alacritty kitty helix zed"
	titles = "Main_Page Albert_Einstein Berlin Germany World_War_II Python_(programming_language) Linux ChatGPT Cleopatra 2024_Summer_Olympics Taylor_Swift " +
		"United_States Earth Moon Water DNA Google YouTube Bible Cat Dog Horse Wikipedia Microsoft Apple_Inc. Amazon_(company) Barack_Obama India China Japan " +
		"France Paris London New_York_City Isaac_Newton Marie_Curie Leonardo_da_Vinci William_Shakespeare Game_of_Thrones The_Beatles Star_Wars Mathematics " +
		"Physics Chemistry Biology Evolution Photosynthesis AC/DC C%2B%2B Caf%C3%A9 S%C3%A3o_Paulo List_of_countries_by_population Human Gold Iron Oxygen Tea " +
		"Coffee Chess Football Tennis Island River Jazz Opera Vienna Rome Madrid Lisbon Oslo Helsinki Warsaw Prague Budapest"
)

func apis() []api {
	return []api{
		{"plain REST ids", []string{
			"/api/v1/users", "/api/v1/users/{n}", "/api/v1/users/{n}/orders", "/api/v1/users/{n}/orders/{n}", "/api/v1/orders/{n}/items/{n}",
			"/api/v1/users/me", "/api/v1/products/{n}/reviews", "/api/v1/products/search", "/api/v1/products/{slug}/photos", "/health", "/login", "/api/v1/invoices/{invoice}", "/api/v1/reports/{day}",
			"/settings/profile", "/settings/billing", "/settings/members", "/settings/security", "/settings/tokens", "/settings/webhooks",
			"/settings/audit", "/settings/usage", "/settings/domains", "/settings/branding",
		}, map[string]func(*rand.Rand) string{
			"n": numbers(900000), "invoice": func(r *rand.Rand) string { return fmt.Sprintf("INV-2024-%05d", r.IntN(99999)) }, "day": day,
			"slug": pick("blue-shirt red-shoes espresso-machine desk-lamp office-chair water-bottle phone-case coffee-beans yoga-mat board-game " +
				"rain-jacket winter-hat tea-kettle bike-helmet garden-hose"),
		}},
		{"UUIDs", []string{
			"/v2/tenants/{u}", "/v2/tenants/{u}/members/{u}", "/v2/sessions/{u}", "/v2/documents/{u}/versions/{n}", "/v2/documents/{u}/blobs/{sha}",
			"/v2/documents/{u}:archive", "/v2/tenants", "/v2/uploads/{ulid}/parts/{n}", "/v2/objects/{oid}", "/v2/audit-log",
		}, map[string]func(*rand.Rand) string{
			"u": randomUUID, "n": numbers(40), "sha": random(hexDigits, 64), "oid": random(hexDigits, 24),
			"ulid": func(r *rand.Rand) string { return "01" + random("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24)(r) },
		}},
		{"GitHub", []string{
			"/user", "/user/repos", "/rate_limit", "/emojis", "/users/{owner}", "/users/{owner}/repos", "/orgs/{owner}", "/orgs/{owner}/members", "/repos/{owner}/{repo}",
			"/repos/{owner}/{repo}/issues", "/repos/{owner}/{repo}/issues/{n}", "/repos/{owner}/{repo}/issues/{n}/comments", "/repos/{owner}/{repo}/pulls",
			"/repos/{owner}/{repo}/pulls/{n}", "/repos/{owner}/{repo}/pulls/{n}/files", "/repos/{owner}/{repo}/commits", "/repos/{owner}/{repo}/commits/{sha}",
			"/repos/{owner}/{repo}/git/blobs/{sha}", "/repos/{owner}/{repo}/releases/latest", "/repos/{owner}/{repo}/actions/runs/{n}/jobs",
			"/repos/{owner}/{repo}/contributors", "/gists/{sha32}", "/gists/public", "/gists/starred", "/repos/{owner}/{repo}/issues/comments/{n}",
			"/orgs/{owner}/teams/{team}", "/repos/{owner}/{repo}/branches/{branch}/protection", "/search/repositories", "/search/code",
		}, map[string]func(*rand.Rand) string{
			"owner": pick(owners), "repo": pick(repositories), "team": pick("core docs infra security triage release"),
			"branch": pick("main master develop release-1.2 v2 gh-pages next"), "n": numbers(40000), "sha": random(hexDigits, 40), "sha32": random(hexDigits, 32),
		}},
		{"Kubernetes", []string{
			"/version", "/healthz", "/livez", "/openapi/v2", "/api/v1/namespaces", "/api/v1/namespaces/{ns}", "/api/v1/namespaces/{ns}/pods",
			"/api/v1/namespaces/{ns}/pods/{pod}", "/api/v1/namespaces/{ns}/pods/{pod}/log", "/api/v1/namespaces/{ns}/pods/{pod}/status", "/api/v1/namespaces/{ns}/services/{svc}",
			"/api/v1/namespaces/{ns}/configmaps/{svc}", "/api/v1/namespaces/{ns}/secrets", "/api/v1/nodes/{node}", "/api/v1/nodes/{node}/status",
			"/apis/apps/v1/namespaces/{ns}/deployments/{svc}", "/apis/apps/v1/namespaces/{ns}/deployments/{svc}/scale", "/apis/apps/v1/namespaces/{ns}/replicasets/{rs}",
			"/apis/batch/v1/namespaces/{ns}/jobs/{job}", "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/{svc}", "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
		}, map[string]func(*rand.Rand) string{
			"ns": pick(namespaces), "svc": pick(workloads), "pod": suffixed(workloads, safe, 10, 5), "rs": suffixed(workloads, safe, 10),
			"job": func(r *rand.Rand) string { return suffixed(workloads, "0123456789", 8)(r) },
			"node": func(r *rand.Rand) string {
				return fmt.Sprintf("ip-10-0-%d-%d.eu-west-1.compute.internal", r.IntN(256), r.IntN(256))
			},
		}},
		{"Wikipedia", []string{
			"/wiki/{title}", "/wiki/{title}", "/wiki/{title}", "/w/index.php", "/w/load.php", "/w/api.php", "/api/rest_v1/page/summary/{title}",
			"/api/rest_v1/page/html/{title}", "/api/rest_v1/page/related/{title}", "/api/rest_v1/media/math/render/svg/{sha}", "/static/images/mobile/{image}",
			"/api/rest_v1/metrics/pageviews/per-article/{project}/all-access/user/{title}/daily/{day}/{day}",
		}, map[string]func(*rand.Rand) string{
			"title": pick(strings.Replace(titles, "AC/DC", "AC%2FDC", 1)), "sha": random(hexDigits, 40), "day": day,
			"project": pick("en.wikipedia de.wikipedia fr.wikipedia es.wikipedia ja.wikipedia ru.wikipedia it.wikipedia zh.wikipedia pt.wikipedia pl.wikipedia nl.wikipedia"),
			"image":   func(r *rand.Rand) string { return pick("logo banner icon-48 sprite footer")(r) + ".png" },
		}},
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// request is a line of an access log: a path, and the route that it has.
type request struct{ path, route string }

func (a *api) log(r *rand.Rand, n int) (all []request) {
	for i := range n {
		route := a.routes[i%len(a.routes)]
		path := placeholder.ReplaceAllStringFunc(route, func(p string) string { return a.values[p[1:len(p)-1]](r) })
		all = append(all, request{path, placeholder.ReplaceAllString(route, "{}")})
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// score compares the routes that paths got with those that they have.
type score struct {
	paths, routes, got       int
	precision, recall, exact float64
}

// judge takes pairs of different paths. Precision is the share of pairs with one inferred route that have one true route, recall the share of
// pairs with one true route that have one inferred route. exact is the share of paths whose inferred route is the true one, whatever the
// placeholders are called.
func judge(log []request, of func(string) string) score {
	type path struct{ got, want string }
	paths := map[string]path{}
	for _, q := range log {
		paths[q.path] = path{of(q.path), q.route}
	}
	cells, got, want := map[path]int{}, map[string]int{}, map[string]int{}
	exact := 0
	for _, p := range paths {
		cells[p]++
		got[p.got]++
		want[p.want]++
		if placeholder.ReplaceAllString(p.got, "{}") == p.want {
			exact++
		}
	}
	pairs := func(n int) float64 { return float64(n) * float64(n-1) / 2 }
	var both, ofGot, ofWant float64
	for _, n := range cells {
		both += pairs(n)
	}
	for _, n := range got {
		ofGot += pairs(n)
	}
	for _, n := range want {
		ofWant += pairs(n)
	}
	return score{len(paths), len(want), len(got), both / ofGot, both / ofWant, float64(exact) / float64(len(paths))}
}

// TestShapes prints what of five APIs' routes is found: of a log of 600 requests as they come, and of the same again.
func TestShapes(t *testing.T) {
	t.Logf("| %-14s | paths | routes | | inferred | precision | recall | exact |", "API")
	for _, a := range apis() {
		log := a.log(rand.New(rand.NewPCG(7, 11)), 600)
		table := New(Config{})
		of := func(path string) string {
			if r := table.Of(Key{Name: "x"}, path, 200); r != nil {
				return r.Text
			}
			return "none for " + path
		}
		first := map[string]string{}
		for _, q := range log {
			if r := of(q.path); first[q.path] == "" {
				first[q.path] = r
			}
		}
		for _, c := range []struct {
			name                     string
			score                    score
			precision, recall, exact float64
		}{
			{"first", judge(log, func(path string) string { return first[path] }), 0.95, 0.45, 0.65},
			{"again", judge(log, of), 0.95, 0.80, 0.80},
		} {
			s := c.score
			t.Logf("| %-14s | %5d | %6d | %s | %8d | %9.3f | %6.3f | %5.3f |", a.name, s.paths, s.routes, c.name, s.got, s.precision, s.recall, s.exact)
			if s.paths < 60 || s.precision < c.precision || s.recall < c.recall || s.exact < c.exact {
				t.Errorf("%s, %s: %+v", a.name, c.name, s)
			}
		}
		if testing.Verbose() {
			wrong := map[string]bool{}
			for _, q := range log {
				if r := of(q.path); placeholder.ReplaceAllString(r, "{}") != q.route && !wrong[r] && len(wrong) < 3 {
					wrong[r] = true
					t.Logf("    %s is %s, not %s", q.path, r, q.route)
				}
			}
		}
	}
}
