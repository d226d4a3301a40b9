package e2e

import (
	_ "embed"
	"os/exec"
)

//go:embed testdata/service.py
var servicePy string

//go:embed testdata/app.py
var appPy string

// pythonThreads is a service of the standard library.
var pythonThreads = program{
	name: "python threads",
	start: func(r *rig, downstream string) *service {
		return r.service(command{args: []string{r.need(python), r.write("service.py", servicePy), "{address}", downstream}}, "")
	},
	traits: traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call", name: "service"},
}

// gunicorn serves a Flask application with two workers, each of which takes one
// request at a time.
var gunicorn = program{
	name: "gunicorn flask",
	start: func(r *rig, downstream string) *service {
		return r.gunicorn(downstream, "", 2)
	},
	traits: traits{ok: "/ok", missing: "/status/404", broken: "/status/500", slow: "/slow/50", call: "/call", name: "app"},
}

func (r *rig) gunicorn(downstream, unixPath string, workers int) *service {
	r.Helper()
	binary := r.need("/usr/bin/gunicorn")
	if out, err := exec.Command(r.need(python), "-c", "import flask").CombinedOutput(); err != nil {
		r.Fatalf("python has no flask, make install-test: %s", out)
	}
	r.write("app.py", appPy)
	bind := "{address}"
	if unixPath != "" {
		bind = "unix:" + unixPath
	}
	return r.service(command{
		args: []string{python, binary, "--workers", number(workers), "--bind", bind, "--chdir", r.dir, "app:app"},
		env:  []string{"DOWNSTREAM=" + downstream},
	}, unixPath)
}
