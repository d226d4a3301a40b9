package python

import (
	"path"
	"regexp"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// program reads "python [options] (-m module | -c command | script) [arguments]".
// A script is named without its extension, a package by its directory, and an
// application server by the application that it serves.
func program(args []string) string {
	if len(args) == 1 {
		return fromTitle(args[0])
	}
	if len(args) == 0 {
		return ""
	}
	args = args[1:]
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "-" || arg == "--" || isOption(arg, 'c'):
			return ""
		case arg == "-m":
			if len(args) < 2 {
				return ""
			}
			return application(args[1], args[2:])
		case isOption(arg, 'm'):
			return application(arg[strings.IndexByte(arg, 'm')+1:], args[1:])
		case arg == "-W" || arg == "-X" || arg == "--check-hash-based-pycs":
			args = args[min(2, len(args)):]
		case strings.HasPrefix(arg, "-"):
			args = args[1:]
		default:
			name := runtime.Stem(arg, ".py", ".pyc", ".pyz")
			if name == "__main__" && strings.Contains(arg, "/") {
				name = path.Base(path.Dir(arg))
			}
			return application(name, args[1:])
		}
	}
	return ""
}

// isOption says whether arg is a cluster of one-letter options that reaches one
// which takes the rest, as in -Bc or -mhttp.server.
func isOption(arg string, letter byte) bool {
	if len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
		return false
	}
	for i := 1; i < len(arg); i++ {
		switch arg[i] {
		case letter:
			return true
		case 'c', 'm', 'W', 'X':
			return false
		}
	}
	return false
}

// application names what an application server serves; any other program is
// itself.
func application(name string, args []string) string {
	name = strings.TrimSuffix(name, ".__main__")
	served := ""
	switch name {
	case "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "waitress", "granian":
		served = servedBy(args)
	case "flask", "celery":
		served = optionValue(args, "--app", "-A")
	}
	if served == "" {
		return name
	}
	module, _, _ := strings.Cut(served, ":")
	return runtime.Stem(module, ".py")
}

// appForm is module:attribute or module:factory(), and no address host:port.
var appForm = regexp.MustCompile(`^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(.*\))?$`)

// servedBy finds the application among the arguments of a server.
func servedBy(args []string) string {
	last := ""
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		afterOption := i > 0 && strings.HasPrefix(args[i-1], "-") && !strings.Contains(args[i-1], "=")
		if appForm.MatchString(arg) && !(afterOption && isAddress(args[i-1])) {
			return arg
		}
		if !afterOption {
			last = arg
		}
	}
	return last
}

func isAddress(option string) bool {
	return option == "-b" || option == "--bind" || option == "--listen"
}

func optionValue(args []string, names ...string) string {
	for i, arg := range args {
		for _, name := range names {
			if value, ok := strings.CutPrefix(arg, name+"="); ok {
				return value
			}
			if arg == name && i+1 < len(args) {
				return args[i+1]
			}
		}
	}
	return ""
}

// title is how gunicorn rewrites its command line: "gunicorn: worker [shop:app]".
var title = regexp.MustCompile(`^gunicorn: \w+ \[([^\]]+)\]`)

func fromTitle(s string) string {
	if m := title.FindStringSubmatch(s); m != nil {
		return application("gunicorn", []string{m[1]})
	}
	return ""
}
