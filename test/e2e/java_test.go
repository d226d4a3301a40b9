package e2e

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

//go:embed testdata/Service.java
var serviceJava string

//go:embed testdata/Shop.java
var shopJava string

// lean keeps the machine of a JVM small: it shares the processors.
var lean = []string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}

// javaServer is com.sun.net.httpserver, from one source file.
var javaServer = program{
	name: "java httpserver",
	start: func(r *rig, downstream string) *service {
		// Head and body are two writes here; without nodelay the second waits
		// for a delayed acknowledgement of the first.
		args := append([]string{r.need("java"), "-Dsun.net.httpserver.nodelay=true"}, lean...)
		return r.service(command{args: append(args, r.write("Service.java", serviceJava), "{address}", downstream)}, "")
	},
	traits: traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call", name: "Service"},
}

// tomcat is Debian's, as tomcat10-user sets up an instance of one's own, with a
// servlet.
var tomcat = program{
	name:   "tomcat servlet",
	start:  startTomcat,
	traits: traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call"},
}

const webXML = `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0" metadata-complete="true">
  <servlet><servlet-name>shop</servlet-name><servlet-class>Shop</servlet-class></servlet>
  <servlet-mapping><servlet-name>shop</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
</web-app>
`

func startTomcat(r *rig, downstream string) *service {
	create := r.need("tomcat10-instance-create")
	base := filepath.Join(r.dir, "shop")
	port := r.freePort()
	if out, err := exec.Command(create, "-p", number(port), "-c", number(r.freePort()), base).CombinedOutput(); err != nil {
		r.Fatalf("creating a Tomcat instance: %v: %s", err, out)
	}
	r.listenOnLoopback(filepath.Join(base, "conf", "server.xml"))
	classes := filepath.Join(base, "webapps", "ROOT", "WEB-INF", "classes")
	if err := os.MkdirAll(classes, 0o755); err != nil {
		r.Fatal(err)
	}
	r.write("shop/webapps/ROOT/WEB-INF/web.xml", webXML)
	compile := exec.Command(r.need("javac"), "-cp", "/usr/share/tomcat10/lib/servlet-api.jar", "-d", classes,
		r.write("Shop.java", shopJava))
	if out, err := compile.CombinedOutput(); err != nil {
		r.Fatalf("compiling the servlet: %v: %s", err, out)
	}
	args := append([]string{r.need("java")}, lean...)
	args = append(args, "-Dcatalina.home=/usr/share/tomcat10", "-Dcatalina.base="+base, "-Djava.io.tmpdir="+r.dir,
		"-Ddownstream="+downstream, "-cp", "/usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar",
		"org.apache.catalina.startup.Bootstrap", "start")
	return r.service(command{args: args}, fmt.Sprintf("127.0.0.1:%d", port))
}

// listenOnLoopback binds every connector of a server.xml to 127.0.0.1, and
// keeps connections open for long.
func (r *rig) listenOnLoopback(path string) {
	r.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	changed := regexp.MustCompile(`<Connector port=`).
		ReplaceAll(text, []byte(`<Connector address="127.0.0.1" maxKeepAliveRequests="-1" port=`))
	if err := os.WriteFile(path, changed, 0o644); err != nil {
		r.Fatal(err)
	}
}
