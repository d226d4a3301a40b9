package process

import (
	"strings"
	"testing"

	"github.com/throughline/throughline/probes/process/runtime"
)

// TestRecogniseProgram crosses the command lines of all runtimes with all
// recognisers: each must be claimed by the right one, under the right name.
func TestRecogniseProgram(t *testing.T) {
	const (
		jvm     = "/usr/lib/jvm/java-17/lib/server/libjvm.so"
		coreclr = "/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so"
	)
	tests := []struct {
		exe, args, library   string
		kind, version, named string
	}{
		{"/usr/bin/python3.11", "python3 app.py", "", "python", "3.11", "app"},
		{"/usr/bin/python3.11", "python3 -m http.server 8000", "", "python", "3.11", "http.server"},
		{"/usr/bin/python3.11", "python3 -mhttp.server", "", "python", "3.11", "http.server"},
		{"/usr/bin/python3.11", "python3 -u -X dev -W ignore /srv/shop/app.py --token secret", "", "python", "3.11", "app"},
		{"/usr/bin/python3.11", "python3 -Bu /srv/shop/__main__.py", "", "python", "3.11", "shop"},
		{"/usr/bin/python3.11", "python3 -c print(1)", "", "python", "3.11", "python3.11"},
		{"/usr/bin/python3.11", "python3", "", "python", "3.11", "python3.11"},
		{"/usr/bin/python3.11", "python3 -", "", "python", "3.11", "python3.11"},
		{"/usr/bin/python3.11", "python3 -m", "", "python", "3.11", "python3.11"},
		{"/usr/bin/python3.11", "python3 /usr/bin/gunicorn -w 2 -b localhost:8000 app:app", "", "python", "3.11", "app"},
		{"/usr/bin/python3.11", "python3 /usr/bin/gunicorn -b web:http shop.wsgi:create() --log-level info", "", "python", "3.11", "shop.wsgi"},
		{"/usr/bin/python3.11", "python3 /usr/bin/gunicorn shop.wsgi", "", "python", "3.11", "shop.wsgi"},
		{"/usr/bin/python3.11", "python3 /usr/bin/gunicorn --config conf.py", "", "python", "3.11", "gunicorn"},
		{"/usr/bin/python3.11", "python3 -m uvicorn --port 80 main:app", "", "python", "3.11", "main"},
		{"/usr/bin/python3.11", "python3 -m flask --app shop run", "", "python", "3.11", "shop"},
		{"/usr/bin/python3.11", "python3 /usr/bin/flask --app=shop.py run", "", "python", "3.11", "shop"},
		{"/usr/bin/python3.11", "python3 manage.py runserver", "/usr/lib/libpython3.12.so.1.0", "python", "3.12", "manage"},
		{"/usr/sbin/uwsgi", "uwsgi --ini x", "/usr/lib/libpython3.12.so.1.0", "python", "3.12", "uwsgi"},
		{"/usr/bin/node", "node server.js", "", "node", "", "server"},
		{"/usr/bin/node", "node --max-old-space-size=100 -r ./trace.js --enable-source-maps dist/main.mjs --x", "", "node", "", "main"},
		{"/usr/bin/node", "node -e 1", "", "node", "", "node"},
		{"/usr/bin/node", "node", "", "node", "", "node"},
		{"/usr/bin/node", "node --require", "", "node", "", "node"},
		{"/opt/bin/java", "java -jar shop.jar", jvm, "java", "", "shop"},
		{"/opt/bin/java", "java -Xmx1g -cp a:b --add-opens java.base/x=ALL-UNNAMED com.example.Main -jar no.jar", jvm, "java", "", "Main"},
		{"/opt/bin/java", "java -javaagent:/x.jar -cp /x org.apache.catalina.startup.Bootstrap start", jvm, "java", "", "Bootstrap"},
		{"/opt/bin/java", "java -p mods -m com.example.shop/com.example.shop.Main", jvm, "java", "", "Main"},
		{"/opt/bin/java", "java --module=com.example.shop", jvm, "java", "", "com.example.shop"},
		{"/opt/bin/java", "java @args Hello.java", jvm, "java", "", "Hello"},
		{"/opt/bin/java", "java -cp", jvm, "java", "", "java"},
		{"/opt/bin/java", "java -jar shop.jar", "", "java", "", "shop"},
		{"/opt/bin/jshell", "jshell x", jvm, "java", "", "jshell"},
		{"/usr/bin/ruby3.1", "ruby -I lib app.rb", "/usr/lib/libruby-3.1.so.3.1.2", "ruby", "3.1.2", "app"},
		{"/usr/bin/ruby3.1", "puma 6.4.0 (tcp://0.0.0.0:3000) [shop]", "", "ruby", "3.1", "shop"},
		{"/usr/bin/ruby", "ruby -e 1", "", "ruby", "", "ruby"},
		{"/usr/bin/php8.2", "php -d x=1 artisan serve", "", "php", "8.2", "artisan"},
		{"/usr/bin/php8.2", "php -S 0:80 router.php", "", "php", "8.2", "router"},
		{"/usr/sbin/php-fpm8.2", "php-fpm: pool www", "", "php", "8.2", "php-fpm"},
		{"/usr/bin/dotnet", "dotnet exec --x shop.dll a", coreclr, "dotnet", "8.0.1", "shop"},
		{"/app/Shop.Web", "/app/Shop.Web", coreclr, "dotnet", "8.0.1", "Shop.Web"},
		{"/usr/sbin/nginx", "nginx: worker process", "", "native", "", "nginx"},
		{"/app/server", "", "/usr/lib/libstdc++.so.6", "native", "", "server"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			s := &runtime.Subject{Path: tt.exe, Args: strings.Fields(tt.args)}
			if strings.Contains(tt.args, ": ") || strings.HasPrefix(tt.args, "puma ") {
				s.Args = []string{tt.args} // a rewritten title is one string
			}
			if tt.library != "" {
				s.Libraries = []string{"/usr/lib/libc.so.6", tt.library}
			}
			p := &Process{Executable: tt.exe, Args: s.Args, Runtime: recognise(s)}
			if p.Runtime.Kind != tt.kind || p.Runtime.Version != tt.version {
				t.Errorf("runtime %+v, want kind %s version %q", p.Runtime, tt.kind, tt.version)
			}
			if got := p.ServiceName(); got != tt.named {
				t.Errorf("service name %q, want %q", got, tt.named)
			}
		})
	}
}

type panicking struct{}

func (panicking) Recognise(*runtime.Subject) (*runtime.Runtime, error) { panic("hostile file") }

func TestRecogniserPanicIsAnError(t *testing.T) {
	found, err := try(panicking{}, &runtime.Subject{Path: "/x"})
	if found != nil || err == nil {
		t.Errorf("got %v, %v", found, err)
	}
}
