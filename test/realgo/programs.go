package main

import "google.golang.org/grpc/codes"

// programs are those that are tried, the quick to build first.
func programs() []program {
	return []program{
		{
			name: "go-httpbin", path: "github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin", version: "v2.26.0",
			args: []string{"-host", "{host}", "-port", "{port}"},
			requests: []request{
				get("http://{address}/get", 200),
				get("http://{address}/status/418", 418),
				get("http://{address}/status/500", 500),
				get("http://{address}/nowhere", 404),
				get("http://{address}/redirect/1", 302),
				get("http://{address}/stream/3", 200),
				{method: "HEAD", url: "http://{address}/get", status: 200},
				{method: "DELETE", url: "http://{address}/delete", status: 200},
				{method: "POST", url: "http://{address}/post", body: "a=b", status: 200},
				{method: "PUT", url: "http://{address}/get", status: 405},
			},
		},
		{
			name: "nats-server", path: "github.com/nats-io/nats-server/v2", version: "v2.15.2",
			args: []string{"--addr", "{host}", "--port", "-1", "--http_port", "{port}"},
			requests: []request{
				get("http://{address}/varz", 200),
				get("http://{address}/healthz", 200),
				get("http://{address}/connz?limit=1", 200),
				get("http://{address}/nowhere", 404),
			},
		},
		{
			name: "caddy", path: "github.com/caddyserver/caddy/v2/cmd/caddy", version: "v2.11.9",
			args:  []string{"run", "--config", "{dir}/Caddyfile", "--adapter", "caddyfile"},
			files: map[string]string{"Caddyfile": caddyfile, "page.txt": "a page\n"},
			requests: []request{
				get("http://{address}/hello", 200),
				get("http://{address}/page.txt", 200),
				get("http://{address}/nowhere", 404),
				{method: "POST", url: "http://{address}/refused", body: "a=b", status: 403},
				{method: "GET", url: "http://{address}/up/one", status: 200, proxied: true},
				{method: "POST", url: "http://{address}/up/two", body: "a=b", status: 200, proxied: true},
				get("https://{beside}/hello", 200), // HTTP/2 through TLS
				{method: "POST", url: "https://{beside}/up/three", body: "a=b", status: 200, proxied: true},
			},
		},
		{
			name: "etcd", path: "go.etcd.io/etcd/server/v3", version: "v3.7.3",
			args: []string{"--data-dir", "{dir}/data", "--listen-client-urls", "http://{address}", "--advertise-client-urls", "http://{address}",
				"--listen-peer-urls", "http://{beside}", "--initial-advertise-peer-urls", "http://{beside}",
				"--initial-cluster", "default=http://{beside}"},
			requests: []request{
				get("http://{address}/health", 200),
				get("http://{address}/version", 200),
				get("http://{address}/nowhere", 404),
				{method: "POST", url: "http://{address}/v3/kv/range", body: `{"key":"YQ=="}`, status: 200},
				{method: "POST", url: "http://{address}/v3/kv/range", body: `{`, status: 400},
			},
			calls: []call{
				{method: "/etcdserverpb.KV/Put", message: "\x0a\x01a\x12\x01b", code: codes.OK},
				{method: "/etcdserverpb.KV/Range", message: "\x0a\x01a", code: codes.OK},
				{method: "/etcdserverpb.KV/Range", code: codes.InvalidArgument},
				{method: "/etcdserverpb.KV/Nothing", code: codes.Unimplemented},
				{method: "/etcdserverpb.Maintenance/Snapshot", streams: true, code: codes.OK},
			},
		},
		{
			name: "registry", path: "github.com/distribution/distribution/v3/cmd/registry", version: "v3.1.2",
			args:  []string{"serve", "{dir}/config.yml"},
			files: map[string]string{"config.yml": "version: 0.1\nstorage: {filesystem: {rootdirectory: {dir}/data}}\nhttp: {addr: '{address}'}\n"},
			requests: []request{
				get("http://{address}/v2/", 200),
				get("http://{address}/v2/_catalog", 200),
				get("http://{address}/v2/nothing/manifests/latest", 404),
				get("http://{address}/v2/nothing/tags/list", 404),
				{method: "POST", url: "http://{address}/v2/something/blobs/uploads/", status: 202},
			},
		},
		{
			name: "node_exporter", path: "github.com/prometheus/node_exporter", version: "v1.12.1",
			args: []string{"--web.listen-address={address}", "--collector.disable-defaults", "--collector.loadavg"},
			requests: []request{
				get("http://{address}/", 200),
				get("http://{address}/metrics", 200),
				get("http://{address}/nowhere", 404),
			},
		},
		{
			name: "coredns", path: "github.com/coredns/coredns", version: "v1.15.0",
			args:  []string{"-conf", "{dir}/Corefile", "-dns.port", "0"},
			files: map[string]string{"Corefile": ". {\n  bind {host}\n  whoami\n  health {address}\n  prometheus {beside}\n}\n"},
			requests: []request{
				get("http://{address}/health", 200),
				get("http://{address}/nowhere", 404),
				get("http://{beside}/metrics", 200),
			},
		},
	}
}

const caddyfile = `{
	admin off
	skip_install_trust
	auto_https disable_redirects
	storage file_system {dir}/storage
}
http://{address}, https://{beside} {
	bind {host}
	tls internal
	respond /hello "hello"
	respond /refused 403
	reverse_proxy /up/* {upstream}
	root {dir}
	file_server
}
`
