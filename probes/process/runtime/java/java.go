// Package java recognises programs run by a Java virtual machine.
package java

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/throughline/throughline/probes/process/runtime"
)

// Recogniser recognises processes that have mapped libjvm.so, and the launcher
// before it does.
type Recogniser struct{}

// Recognise names the program by its jar, module or main class.
func (Recogniser) Recognise(s *runtime.Subject) (*runtime.Runtime, error) {
	file := s.Library("libjvm.so")
	if file == "" && s.Base() != "java" {
		return nil, nil
	}
	if file == "" {
		file = s.Path
	}
	r := &runtime.Runtime{Kind: "java", Language: "java"}
	r.Name, r.Version = release(s.Root, file)
	if s.Base() == "java" && len(s.Args) > 0 {
		r.Program = program(s.Args[1:])
	}
	return r, nil
}

// valueOptions are the launcher's options whose value is the next argument; see
// IsWhiteSpaceOption in src/java.base/share/native/libjli/java.c of OpenJDK.
func valueOptions() []string {
	return []string{
		"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path",
		"--add-modules", "--limit-modules", "--add-exports", "--add-opens", "--add-reads",
		"--patch-module", "--enable-native-access", "--source", "--describe-module", "-d",
	}
}

// program reads "[options] (-jar file | -m module[/class] | class) [arguments]".
func program(args []string) string {
	skip := valueOptions()
	for len(args) > 0 {
		arg := args[0]
		if value, ok := strings.CutPrefix(arg, "--module="); ok {
			return moduleClass(value)
		}
		switch {
		case arg == "-jar" && len(args) > 1:
			return runtime.Stem(args[1], ".jar", ".war")
		case (arg == "-m" || arg == "--module") && len(args) > 1:
			return moduleClass(args[1])
		case strings.HasPrefix(arg, "-"):
			args = args[1:]
			if slices.Contains(skip, arg) && len(args) > 0 {
				args = args[1:]
			}
		case strings.HasPrefix(arg, "@"):
			args = args[1:] // a file of arguments
		case strings.HasSuffix(arg, ".java"):
			return runtime.Stem(arg, ".java")
		default:
			return className(arg)
		}
	}
	return ""
}

func moduleClass(s string) string {
	module, class, ok := strings.Cut(s, "/")
	if ok {
		return className(class)
	}
	return module
}

// className drops the package: com.example.Main is Main.
func className(s string) string {
	s = strings.ReplaceAll(s, "/", ".")
	return s[strings.LastIndexByte(s, '.')+1:]
}

// maxRelease bounds the release file, in bytes; real ones have about 1,500.
const maxRelease = 64 << 10

// release reads name and version from the file "release" in the Java home, which
// is above bin/java, and two to four directories above libjvm.so (lib/server;
// jre/lib/amd64/server).
func release(root, file string) (name, version string) {
	name = "Java Virtual Machine"
	if root == "" {
		return name, ""
	}
	home := path.Dir(file)
	for range 4 {
		home = path.Dir(home)
		b, err := readCapped(filepath.Join(root, home, "release"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(b) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if key == "JAVA_VERSION" {
				version = strings.Trim(value, `"`)
			}
		}
		return "OpenJDK Runtime Environment", version
	}
	return name, ""
}

func readCapped(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, maxRelease)
	n, err := io.ReadFull(f, b)
	if n > 0 {
		return string(b[:n]), nil
	}
	return "", err
}
